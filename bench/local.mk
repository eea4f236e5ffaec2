# bench/: programs that bench/run drives.
noinst_PROGRAMS += bench/null_broker bench/load
bench_null_broker_SOURCES = bench/null_broker.c
bench_null_broker_LDADD = libcommon.la
bench_load_SOURCES = bench/load.c
bench_load_LDADD = libklient.la
EXTRA_DIST += bench/run
