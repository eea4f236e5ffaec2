# tests/proto/: layouts, against bytes of other implementations where there are any.
check_PROGRAMS += tests/proto/test_proto
TESTS += tests/proto/test_proto
tests_proto_test_proto_SOURCES = \
	tests/proto/golden.h tests/proto/golden.c \
	tests/proto/hex.h tests/proto/hex.c \
	tests/proto/main.c \
	tests/proto/suites.h \
	tests/proto/test_api_table.c \
	tests/proto/test_batch_build.c \
	tests/proto/test_batch_check.c \
	tests/proto/test_batch_golden.c \
	tests/proto/test_batch_read.c \
	tests/proto/test_consumer_protocol.c \
	tests/proto/test_frame.c \
	tests/proto/test_greeting.c \
	tests/proto/test_head.c \
	tests/proto/test_offsets_records.c
tests_proto_test_proto_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS) \
	-DGOLDEN_DIRECTORY='"$(abs_top_srcdir)/tests/proto/golden"'
tests_proto_test_proto_LDADD = libtestlib.la libproto.la libcommon.la $(CHECK_LIBS)
$(tests_proto_test_proto_OBJECTS): | proto/kairn.pb-c.h
EXTRA_DIST += tests/proto/golden

# The tables in docs/protocol.md are those of the code.
check_PROGRAMS += tests/proto/protocol_tables
TESTS += tests/proto/protocol_tables
tests_proto_protocol_tables_SOURCES = tests/proto/protocol_tables.c
tests_proto_protocol_tables_CPPFLAGS = $(AM_CPPFLAGS) -DDOCUMENT='"$(abs_top_srcdir)/docs/protocol.md"'
tests_proto_protocol_tables_LDADD = libproto.la libcommon.la
