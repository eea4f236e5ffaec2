# bench/: programs that bench/run drives.
noinst_PROGRAMS += bench/null_broker bench/load
bench_null_broker_SOURCES = bench/null_broker.c
bench_null_broker_LDADD = libcommon.la
bench_load_SOURCES = bench/load.c
bench_load_LDADD = libklient.la
EXTRA_DIST += bench/run

# libklient's own cost, against a broker in the same process that throws records away.
fake_broker_sources = tests/client/fake_broker.h tests/client/fake_broker.c \
	tests/client/fake_answers.c tests/client/fake_private.h tests/client/fake_topics.c
noinst_PROGRAMS += bench/klient_produce
bench_klient_produce_SOURCES = bench/klient_produce.c $(fake_broker_sources)
bench_klient_produce_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
bench_klient_produce_LDADD = libklient.la libnet.la libproto.la libcommon.la
