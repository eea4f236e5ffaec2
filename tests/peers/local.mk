# tests/peers/: our files in front of Kafka's own tools, clients and broker. Run by tests/run; needs
# Java and Maven.
EXTRA_DIST += tests/peers/kafka tests/peers/summarise_dump tests/peers/test_dump_log.sh \
	tests/peers/KafkaPeer.java tests/peers/describe_records tests/peers/test_kafka_files.sh \
	tests/peers/SerdePeer.java tests/peers/test_serde.sh
