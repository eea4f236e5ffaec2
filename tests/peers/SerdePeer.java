/* SerdePeer - what Kafka's own serializers write: a line per value, with the class of the
 * serializer, the bytes in hexadecimal digits, and the value as text.
 *
 *   SEED COUNT
 *
 * Run by tests/peers/kafka, which compiles it on the way; tests/client/describe_serde prints the same
 * of what it reads. */
import java.util.Random;
import java.util.UUID;
import org.apache.kafka.common.serialization.DoubleSerializer;
import org.apache.kafka.common.serialization.IntegerSerializer;
import org.apache.kafka.common.serialization.LongSerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.serialization.UUIDSerializer;

public class SerdePeer {
    static final double[] DOUBLES = { 0.0, -0.0, Double.NaN, Double.POSITIVE_INFINITY,
                                      Double.NEGATIVE_INFINITY, Double.MIN_VALUE, Double.MAX_VALUE };
    static Random random;

    public static void main(String[] arguments) {
        random = new Random(Long.parseLong(arguments[0]));
        int count = Integer.parseInt(arguments[1]);

        print(new IntegerSerializer(), Integer.MIN_VALUE, "" + Integer.MIN_VALUE);
        print(new LongSerializer(), Long.MIN_VALUE, "" + Long.MIN_VALUE);
        print(new StringSerializer(), "", "-");
        for (double number : DOUBLES)
            print(new DoubleSerializer(), number, bits(number));
        for (int i = 0; i < count; i++)
            printOneOfEach();
    }

    static void printOneOfEach() {
        int small = random.nextInt();
        long large = random.nextLong();
        double number = Double.longBitsToDouble(random.nextLong());
        UUID uuid = new UUID(random.nextLong(), random.nextLong());
        String text = text();

        print(new IntegerSerializer(), small, "" + small);
        print(new LongSerializer(), large, "" + large);
        print(new DoubleSerializer(), number, bits(number));
        print(new UUIDSerializer(), uuid, uuid.toString());
        print(new StringSerializer(), text, "-");
    }

    static String bits(double number) {
        return String.format("%016x", Double.doubleToLongBits(number));
    }

    /* Characters of every length in UTF-8. */
    static String text() {
        StringBuilder text = new StringBuilder();

        for (int i = random.nextInt(40); i > 0; i--) {
            int character = random.nextInt(Character.MAX_CODE_POINT + 1) >> random.nextInt(21);
            if (character < Character.MIN_SURROGATE || character > Character.MAX_SURROGATE)
                text.appendCodePoint(character);
        }
        return text.toString();
    }

    static <T> void print(Serializer<T> serializer, T value, String shown) {
        StringBuilder line = new StringBuilder(serializer.getClass().getName() + " .");

        for (byte octet : serializer.serialize("topic", value))
            line.append(String.format("%02x", octet));
        System.out.println(line + " " + shown);
    }
}
