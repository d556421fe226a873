# Turns JSON lines of Pacemeter's log into requests of OTLP, in JSON, one a line. Made from src/telemetry/log/mapping.rs; see docs/logs.md.
#
#   jq -c -f deploy/logs/otel.jq pacemeter.log

def severities: {"error": 17, "warn": 13, "info": 9, "debug": 5};
def attributes: {"module": "code.namespace", "topic": "messaging.destination.name", "partition": "messaging.destination.partition.id", "offset": "messaging.kafka.offset", "error": "exception.message", "reason": "pacemeter.reason"};
def resource: {"service": "service.name", "version": "service.version"};
def texts: ["partition"];
def top: ["timestamp", "level", "event", "message"];

# AnyValue. jq has doubles only: a whole number beyond 2^53 is one.
def any_value:
  if type == "string" then {stringValue: .}
  elif type == "boolean" then {boolValue: .}
  elif type == "number" then
    if . == floor and fabs < 9007199254740992 then {intValue: tostring} else {doubleValue: .} end
  elif type == "array" then {arrayValue: {values: map(any_value)}}
  elif type == "object" then {kvlistValue: {values: (to_entries | map({key, value: (.value | any_value)}))}}
  else {} end;

# Nanoseconds since 1970, as text.
def nanoseconds: (.[0:19] + "Z" | fromdate | tostring) + .[20:26] + "000";

def pairs($line; $names): $names | to_entries | map(select($line[.key] != null)
  | {key: .value, value: ($line[.key] | any_value)});

. as $line | {resourceLogs: [{
  resource: {attributes: pairs($line; resource)},
  scopeLogs: [{scope: {name: .service, version: .version}, logRecords: [{
    timeUnixNano: (.timestamp | nanoseconds),
    severityNumber: severities[.level],
    severityText: .level,
    eventName: .event,
    body: {stringValue: .message},
    attributes: (to_entries | map(select(.value != null) | .key as $key
      | select((top | index($key)) == null and resource[$key] == null)
      | (if (texts | index($key)) != null then .value | tostring else .value end) as $value
      | {key: (attributes[$key] // ("pacemeter." + $key)), value: ($value | any_value)}))
  }]}]
}]}
