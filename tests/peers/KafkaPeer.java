/* KafkaPeer - Kafka's own clients, to write and to read what our brokers share with Kafka's.
 *
 *   fill BOOTSTRAP ROUND               write every kind of data; round 1 makes the topics
 *   print BOOTSTRAP PREFIX TOPIC...    what consumers get, into PREFIX.read_committed and
 *                                      PREFIX.read_uncommitted: a line per record, sorted, as
 *                                      tests/peers/describe_records prints ours
 *
 * Run by tests/peers/kafka, which compiles it on the way. */
import java.io.BufferedWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Future;
import java.util.zip.CRC32;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class KafkaPeer {
    static final String[] CODECS = { "none", "gzip", "snappy", "lz4", "zstd" };
    static final long START_MS = 1_700_000_000_000L;
    static final int PATIENCE_MS = 60_000;

    static String bootstrap;
    static Random random;

    public static void main(String[] arguments) throws Exception {
        bootstrap = arguments[1];
        if (arguments[0].equals("fill")) {
            int round = Integer.parseInt(arguments[2]);
            random = new Random(round);
            if (round == 1)
                create();
            fill(round);
            /* A transaction stays open: nothing may be tidied up. */
            Runtime.getRuntime().halt(0);
        }
        for (String level : new String[] { "read_committed", "read_uncommitted" })
            print(level, Path.of(arguments[2] + "." + level),
                  List.of(arguments).subList(3, arguments.length));
    }

    /* --- writing ------------------------------------------------------------------------------ */

    static void create() throws Exception {
        List<NewTopic> topics = new ArrayList<>();
        for (String codec : CODECS)
            topics.add(topic("codec-" + codec, 2, Map.of("segment.bytes", "30000")));
        topics.add(topic("appended", 1, Map.of("message.timestamp.type", "LogAppendTime",
                                               "segment.bytes", "20000")));
        topics.add(topic("shapes", 1, Map.of()));
        Map<String, String> compact = Map.of("cleanup.policy", "compact", "segment.bytes", "8000",
                                             "min.cleanable.dirty.ratio", "0.01");
        topics.add(topic("compacted", 1, compact));
        topics.add(topic("compacted-txn", 1, compact));
        topics.add(topic("txn", 2, Map.of("segment.bytes", "4000")));
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(topics).all().get();
        }
    }

    /* The timestamps are of long ago. */
    static NewTopic topic(String name, int partitions, Map<String, String> config) {
        Map<String, String> all = new TreeMap<>(config);
        all.put("retention.ms", "-1");
        return new NewTopic(name, partitions, (short) 1).configs(all);
    }

    static KafkaProducer<byte[], byte[]> producer(String... settings) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("batch.size", "2000");
        properties.put("linger.ms", "5");
        properties.put("max.block.ms", Integer.toString(PATIENCE_MS));
        for (int i = 0; i < settings.length; i += 2)
            properties.put(settings[i], settings[i + 1]);
        return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static byte[] value(int number) {
        return bytes("value " + number + " naïve " + "abcdefgh".repeat(random.nextInt(20)));
    }

    static void fill(int round) throws Exception {
        for (String codec : CODECS)
            try (KafkaProducer<byte[], byte[]> to = producer("compression.type", codec,
                                                             "enable.idempotence", "true")) {
                for (int i = 0; i < 1200; i++)
                    to.send(new ProducerRecord<>("codec-" + codec, i % 2, START_MS + i / 3 * 7,
                                                 i % 5 == 0 ? null : bytes("key " + i % 97), value(i)));
            }
        try (KafkaProducer<byte[], byte[]> to = producer("compression.type", "lz4")) {
            for (int i = 0; i < 600; i++)
                to.send(new ProducerRecord<>("appended", 0, START_MS, bytes("k" + i), value(i)));
            shapes(to);
        }
        compacted();
        transactions(round, "txn", 2, 40, 90);
        transactions(round, "compacted-txn", 1, 60, 10);
    }

    static void shapes(KafkaProducer<byte[], byte[]> to) {
        byte[][] values = { null, bytes(""), bytes("x"), new byte[] { 0, -1, 10, 13 } };
        for (byte[] key : values)
            for (byte[] value : values)
                for (int headers = 0; headers < 4; headers++) {
                    List<Header> list = new ArrayList<>();
                    for (int i = 0; i < headers; i++)
                        list.add(new RecordHeader(i == 2 ? "" : "grüße", values[i]));
                    to.send(new ProducerRecord<>("shapes", 0, START_MS - headers, key, value, list));
                }
    }

    /* Many values of few keys, and tombstones: the cleaner finds work. */
    static void compacted() {
        try (KafkaProducer<byte[], byte[]> to = producer("compression.type", "zstd")) {
            for (int i = 0; i < 2500; i++) {
                byte[] value = i % 11 == 0 ? null : value(i);
                to.send(new ProducerRecord<>("compacted", 0, START_MS + i, bytes("k" + i % 61), value));
            }
        }
    }

    /* Three producers whose transactions overlap; two in five are aborted; the last stays open. */
    static void transactions(int round, String topic, int partitions, int count, int keys)
            throws Exception {
        List<KafkaProducer<byte[], byte[]>> producers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            KafkaProducer<byte[], byte[]> to = producer("transactional.id", topic + i,
                                                        "transaction.timeout.ms", "900000");
            to.initTransactions();
            to.beginTransaction();
            producers.add(to);
        }
        for (int i = 0; i < count; i++) {
            for (KafkaProducer<byte[], byte[]> to : producers)
                send(to, topic, partitions, keys, 1 + random.nextInt(6));
            KafkaProducer<byte[], byte[]> to = producers.get(i % 3);
            if (i % 5 < 2)
                to.abortTransaction();
            else
                to.commitTransaction();
            to.beginTransaction();
        }
        for (int i = 0; i < 3; i++) {
            send(producers.get(i), topic, partitions, keys, 3);
            if (i < 2)
                producers.get(i).commitTransaction();
        }
        if (topic.equals("compacted-txn"))
            producers.get(2).commitTransaction();
    }

    static void send(KafkaProducer<byte[], byte[]> to, String topic, int partitions, int keys,
                     int count) throws Exception {
        Future<?> last = null;
        for (int i = 0; i < count; i++)
            last = to.send(new ProducerRecord<>(topic, random.nextInt(partitions), START_MS + i,
                                                bytes("k" + random.nextInt(keys)), value(i)));
        to.flush();
        last.get();
    }

    /* --- reading ------------------------------------------------------------------------------ */

    static void print(String level, Path file, List<String> topics) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("isolation.level", level);
        properties.put("check.crcs", "true");
        properties.put("auto.offset.reset", "none");
        TreeMap<String, String> lines = new TreeMap<>();
        try (KafkaConsumer<byte[], byte[]> from = new KafkaConsumer<>(
                 properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (String topic : topics)
                for (PartitionInfo info : from.partitionsFor(topic))
                    partitions.add(new TopicPartition(topic, info.partition()));
            from.assign(partitions);
            from.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = from.endOffsets(partitions);
            long deadline = System.currentTimeMillis() + PATIENCE_MS;
            while (!arrived(from, ends)) {
                if (System.currentTimeMillis() > deadline)
                    throw new IllegalStateException("the end was not reached in time: " + ends);
                for (ConsumerRecord<byte[], byte[]> record : from.poll(Duration.ofMillis(100)))
                    lines.put(String.format("%s %d %020d", record.topic(), record.partition(),
                                            record.offset()), describe(record));
            }
        }
        try (BufferedWriter out = Files.newBufferedWriter(file)) {
            for (Map.Entry<String, String> line : lines.entrySet())
                out.write(line.getKey() + " " + line.getValue() + "\n");
        }
    }

    static boolean arrived(KafkaConsumer<byte[], byte[]> from, Map<TopicPartition, Long> ends) {
        for (Map.Entry<TopicPartition, Long> end : ends.entrySet())
            if (from.position(end.getKey()) < end.getValue())
                return false;
        return true;
    }

    static String describe(ConsumerRecord<byte[], byte[]> record) {
        StringBuilder text = new StringBuilder();
        text.append("epoch=").append(record.leaderEpoch().map(Object::toString).orElse("-1"));
        text.append(record.timestampType().id == 1 ? " append=" : " create=").append(record.timestamp());
        text.append(" key=").append(sum(record.key())).append(" value=").append(sum(record.value()));
        for (Header header : record.headers())
            text.append(" header=").append(sum(bytes(header.key()))).append(':').append(sum(header.value()));
        return text.toString();
    }

    /* Size and checksum. */
    static String sum(byte[] bytes) {
        if (bytes == null)
            return "null";
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return String.format("%d/%08x", bytes.length, crc.getValue());
    }
}
