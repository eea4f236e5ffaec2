# proto/: every byte layout that leaves a process.
noinst_LTLIBRARIES += libproto.la
nodist_libproto_la_SOURCES = proto/kairn.pb-c.c proto/kairn.pb-c.h
libproto_la_SOURCES = \
	proto/api_table.h proto/api_table.c \
	proto/batch.h proto/batch_build.c proto/batch_check.c proto/batch_read.c \
	proto/consumer_protocol.h proto/consumer_protocol_read.c proto/consumer_protocol_write.c \
	proto/field_writer.h proto/field_writer.c \
	proto/frame.h proto/frame.c \
	proto/greeting.h proto/greeting.c \
	proto/head.h proto/head.c proto/head_peek.c \
	proto/offsets_records.h proto/offsets_records_read.c proto/offsets_records_write.c
libproto_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
# Generated code is not ours to warn about.
libproto_la_CFLAGS = $(AM_CFLAGS)
# Not libcommon.la: libraries that need both would hold it twice. Programs link it themselves.
libproto_la_LIBADD = $(PROTOBUF_C_LIBS)
EXTRA_DIST += proto/kairn.proto
BUILT_SOURCES += proto/kairn.pb-c.h
CLEANFILES += proto/kairn.pb-c.c proto/kairn.pb-c.h

# `make libproto.la` in a fresh tree does not go by BUILT_SOURCES. Order is all that is needed: after
# the first build the compiler's own dependencies know who includes the header.
$(libproto_la_OBJECTS) $(libcodec_la_OBJECTS) $(libruntime_la_OBJECTS) $(libapi_la_OBJECTS) \
$(libbroker_la_OBJECTS) $(libklientcore_la_OBJECTS): | proto/kairn.pb-c.h

# One run of protoc-c makes both files: the header stands for the pair, so that a parallel make
# starts it once; a lost .c file makes it run again.
proto/kairn.pb-c.h: $(top_srcdir)/proto/kairn.proto
	$(AM_V_GEN)$(MKDIR_P) proto && $(PROTOC_C) --proto_path=$(top_srcdir)/proto --c_out=proto $(top_srcdir)/proto/kairn.proto
proto/kairn.pb-c.c: proto/kairn.pb-c.h
	@test -f $@ || { rm -f proto/kairn.pb-c.h; $(MAKE) $(AM_MAKEFLAGS) proto/kairn.pb-c.h; }
