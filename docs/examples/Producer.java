import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends what became of one support: approved, then paid. CloudEvents in binary mode.
 *
 * <pre>java -cp 'kafka-clients and what it needs' Producer.java BROKERS [TOPIC]</pre>
 */
public class Producer {
    public static void main(String[] arguments) throws Exception {
        String topic = arguments.length > 1 ? arguments[1] : "pacemeter.disbursements.v1";
        Properties settings = new Properties();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("key.serializer", StringSerializer.class.getName());
        settings.put("value.serializer", StringSerializer.class.getName());
        // The defaults since Kafka 3.0: retries of the client neither repeat nor reorder records.
        settings.put("enable.idempotence", "true");
        settings.put("acks", "all");

        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            sent.add(producer.send(event(topic, "approved", "C-java")));
            sent.add(producer.send(event(topic, "dispersed", "C-java")));
            for (Future<RecordMetadata> record : sent) {
                // Throws if the record was not acknowledged.
                record.get();
            }
        }
    }

    private static ProducerRecord<String, String> event(String topic, String name, String credit) {
        String beneficiary = "B-java";
        // A decimal text: a double would not be exact in centavos.
        String data = """
            {"programme": "credito-a-la-palabra", "state": "MX-OAX", "beneficiary": "%s", "credit": "%s", "amount": "25000.00"}
            """.formatted(beneficiary, credit);
        ProducerRecord<String, String> record = new ProducerRecord<>(topic, beneficiary, data);
        // The same event always has the same id, also after a restart: a repeated one is then counted once.
        header(record, "ce_id", credit + "-" + name);
        header(record, "ce_source", "/bank/java");
        header(record, "ce_specversion", "1.0");
        header(record, "ce_type", "disbursement." + name + ".v1");
        // The moment at which it happened, not the moment of sending.
        header(record, "ce_time", Instant.now().toString());
        header(record, "content-type", "application/json");
        return record;
    }

    private static void header(ProducerRecord<String, String> record, String name, String value) {
        record.headers().add(name, value.getBytes(StandardCharsets.UTF_8));
    }
}
