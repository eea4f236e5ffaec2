// KafkaBench - Kafka's Java clients doing what `kairn perf` does. Its JSON has the same names.
//
//   KafkaBench renew BOOTSTRAP TOPIC PARTITIONS[xREPLICAS] [OLD-TOPIC...]    makes one, deletes others
//   KafkaBench fill BOOTSTRAP TOPIC SIZE RECORDS                  spread over all partitions
//   KafkaBench produce BOOTSTRAP TOPIC SIZE RECORDS WARM-UP [NAME=VALUE...]
//   KafkaBench consume BOOTSTRAP TOPIC RECORDS [NAME=VALUE...]
//   KafkaBench latency BOOTSTRAP TOPIC SIZE RATE SECONDS [NAME=VALUE...]
//
// Partition 0 of TOPIC; "TOPIC/16" produces to 16 partitions in turn. The machine that runs Java code compiles what runs often: producing warms up
// with records that are not counted, consuming reads everything twice and counts the second time.
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class KafkaBench {
    static final Duration WAIT = Duration.ofSeconds(60);
    static final int WARM_UP_S = 1;

    static Properties properties(String bootstrap, String[] words, int from) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        for (int i = from; i < words.length; i++) {
            int equals = words[i].indexOf('=');
            properties.put(words[i].substring(0, equals), words[i].substring(equals + 1));
        }
        return properties;
    }

    static KafkaProducer<byte[], byte[]> producer(Properties properties) {
        return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    }

    static KafkaConsumer<byte[], byte[]> consumer(Properties properties) {
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static void print(long records, double bytes, long ns) {
        System.out.printf("{\"records\": %d, \"seconds\": %f, \"records_per_second\": %.1f, \"mb_per_second\": %.2f, \"ns_per_record\": %.2f}%n",
            records, ns / 1e9, records * 1e9 / ns, bytes * 1e3 / ns, (double) ns / records);
    }

    // The producer copies a value when it is sent, so one array serves for all.
    static long send(KafkaProducer<byte[], byte[]> producer, String topic, byte[] value, long number, long count) {
        ByteBuffer buffer = ByteBuffer.wrap(value);
        int slash = topic.indexOf('/'), partitions = slash < 0 ? 1 : Integer.parseInt(topic.substring(slash + 1));
        String name = slash < 0 ? topic : topic.substring(0, slash);
        for (long i = 0; i < count; i++) {
            buffer.putLong(0, number++);
            producer.send(new ProducerRecord<>(name, (int) (i % partitions), null, value), (metadata, error) -> {
                if (error != null) {
                    System.err.println("KafkaBench: " + error);
                    Runtime.getRuntime().halt(1);
                }
            });
        }
        producer.flush();
        return number;
    }

    static byte[] value(int size) {
        byte[] value = new byte[size];
        new Random(1).nextBytes(value);
        return value;
    }

    static void produce(String[] words) {
        byte[] value = value(Integer.parseInt(words[3]));
        long records = Long.parseLong(words[4]);
        try (KafkaProducer<byte[], byte[]> producer = producer(properties(words[1], words, 6))) {
            long number = send(producer, words[2], value, 0, Long.parseLong(words[5]));
            long started = System.nanoTime();
            send(producer, words[2], value, number, records);
            print(records, (double) records * value.length, System.nanoTime() - started);
        }
    }

    static void fill(String[] words) {
        byte[] value = value(Integer.parseInt(words[3]));
        try (KafkaProducer<byte[], byte[]> producer = producer(properties(words[1], words, words.length))) {
            for (long i = Long.parseLong(words[4]); i > 0; i--)
                producer.send(new ProducerRecord<>(words[2], value));
        }
    }

    static void consume(String[] words) {
        TopicPartition partition = new TopicPartition(words[2], 0);
        long wanted = Long.parseLong(words[3]);
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(properties(words[1], words, 4))) {
            consumer.assign(List.of(partition));
            for (int pass = 0; pass < 2; pass++) {
                long records = 0, bytes = 0, started = 0;
                consumer.seekToBeginning(List.of(partition));
                while (records < wanted) {
                    ConsumerRecords<byte[], byte[]> batch = consumer.poll(WAIT);
                    if (batch.isEmpty())
                        throw new IllegalStateException("nothing comes");
                    if (started == 0)
                        started = System.nanoTime();
                    for (ConsumerRecord<byte[], byte[]> record : batch) {
                        if (record.offset() != records++)
                            throw new IllegalStateException("an offset is missing, or out of order");
                        bytes += record.value().length;
                    }
                }
                if (pass == 1)
                    print(records, bytes, System.nanoTime() - started);
            }
        }
    }

    static void sendOnTime(KafkaProducer<byte[], byte[]> producer, String topic, byte[] value, long rate, long count) {
        ByteBuffer buffer = ByteBuffer.wrap(value);
        long started = System.nanoTime();
        for (long i = 0; i < count; i++) {
            long due = started + (long) (i * 1e9 / rate), left;
            while ((left = due - System.nanoTime()) > 0)
                LockSupport.parkNanos(left);
            buffer.putLong(0, i);
            buffer.putLong(8, due);
            producer.send(new ProducerRecord<>(topic, 0, null, value));
        }
        producer.flush();
    }

    static String quantile(long[] sorted, double q) {
        if ((1 - q) * sorted.length < 100 - 1e-6)
            return "null";
        return Long.toString(sorted[(int) Math.max(0, Math.ceil(q * sorted.length - 1e-6) - 1)] / 1000);
    }

    static void latency(String[] words) throws InterruptedException {
        byte[] value = value(Integer.parseInt(words[3]));
        long rate = Long.parseLong(words[4]), warm = rate * WARM_UP_S, count = rate * Long.parseLong(words[5]);
        TopicPartition partition = new TopicPartition(words[2], 0);
        long[] samples = new long[(int) count];
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(properties(words[1], new String[0], 0));
             KafkaProducer<byte[], byte[]> producer = producer(properties(words[1], words, 6))) {
            consumer.assign(List.of(partition));
            consumer.seekToEnd(List.of(partition));
            consumer.position(partition);
            // Twice: the first time it compiles.
            for (int pass = 0; pass < 2; pass++) {
                Thread sender = new Thread(() -> sendOnTime(producer, words[2], value, rate, warm + count));
                sender.start();
                long first = 0, last = 0;
                for (long received = 0; received < warm + count;) {
                    ConsumerRecords<byte[], byte[]> batch = consumer.poll(WAIT);
                    long now = System.nanoTime();
                    if (batch.isEmpty())
                        throw new IllegalStateException("a record is missing");
                    for (ConsumerRecord<byte[], byte[]> record : batch) {
                        ByteBuffer bytes = ByteBuffer.wrap(record.value());
                        if (bytes.getLong(0) != received)
                            throw new IllegalStateException("a record is missing, or out of order");
                        if (received >= warm) {
                            first = first == 0 ? bytes.getLong(8) : first;
                            last = now;
                            samples[(int) (received - warm)] = now - bytes.getLong(8);
                        }
                        received++;
                    }
                }
                sender.join();
                if (pass == 1) {
                    Arrays.sort(samples);
                    double achieved = (count - 1) * 1e9 / (last - first);
                    System.out.printf("{\"records\": %d, \"achieved\": %.1f, \"rate_met\": %b, \"p50_us\": %s, \"p99_us\": %s, \"p999_us\": %s, \"max_us\": %d}%n",
                        count, achieved, achieved >= 0.99 * rate, quantile(samples, 0.5), quantile(samples, 0.99), quantile(samples, 0.999),
                        samples[samples.length - 1] / 1000);
                }
            }
        }
    }

    static void renew(String[] words) throws Exception {
        try (Admin admin = Admin.create(properties(words[1], words, words.length))) {
            String[] shape = words[3].split("x");
            short replicas = shape.length > 1 ? Short.parseShort(shape[1]) : 1;
            admin.createTopics(List.of(new NewTopic(words[2], Optional.of(Integer.parseInt(shape[0])), Optional.of(replicas)))).all().get();
            admin.deleteTopics(Arrays.asList(words).subList(4, words.length)).all().get();
        }
    }

    public static void main(String[] words) throws Exception {
        switch (words.length > 2 ? words[0] : "") {
        case "renew": renew(words); break;
        case "fill": fill(words); break;
        case "produce": produce(words); break;
        case "consume": consume(words); break;
        case "latency": latency(words); break;
        default:
            System.err.println("usage: see the first lines of KafkaBench.java");
            System.exit(2);
        }
    }
}
