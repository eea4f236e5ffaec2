# tests/peers/: our files in front of Kafka's own tools. Run by tests/run; needs Java and Maven.
EXTRA_DIST += tests/peers/kafka tests/peers/summarise_dump tests/peers/test_dump_log.sh
