# docs/local.mk
EXTRA_DIST += docs/compatibility.md docs/client-configuration.md docs/configuration.md
EXTRA_DIST += docs/disk-format.md docs/durability.md docs/protocol.md docs/replication.md
EXTRA_DIST += docs/architecture.md docs/performance.md docs/evidence/first-light.md \
	docs/evidence/chaos.md docs/evidence/mutants.md docs/evidence/power-cuts.md \
	docs/evidence/simulator.md
dist_man_MANS += docs/man/kairn.1 docs/man/kairnd.8 docs/man/klient.3 \
	docs/man/klient_config_add_assignor.3 \
	docs/man/klient_config_add_deserializer.3 docs/man/klient_config_add_interceptor.3 \
	docs/man/klient_config_add_serializer.3 docs/man/klient_record_key.3 \
	docs/man/klient_record_value.3
EXTRA_DIST += docs/znodes.md
