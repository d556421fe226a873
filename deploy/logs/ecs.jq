# Turns JSON lines of Pacemeter's log into documents of the Elastic Common Schema. Made from src/telemetry/log/mapping.rs; see docs/logs.md.
#
#   jq -c -f deploy/logs/ecs.jq pacemeter.log

def names: {"timestamp": "@timestamp", "level": "log.level", "event": "event.action", "message": "message", "service": "service.name", "version": "service.version", "module": "log.logger", "topic": "labels.topic", "partition": "labels.partition", "offset": "labels.offset", "error": "error.message", "reason": "event.reason"};

# Labels are text.
def text_of_label($name): if $name | startswith("labels.") then tostring else . end;

to_entries
| map(select(.value != null)
  | (names[.key] // ("labels." + .key)) as $name
  | {key: $name, value: (.value | text_of_label($name))})
| from_entries + {"ecs.version": "8.17.0"}
