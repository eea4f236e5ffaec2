# proto/: every byte layout that leaves a process.
noinst_LTLIBRARIES += libproto.la
nodist_libproto_la_SOURCES = proto/kairn.pb-c.c proto/kairn.pb-c.h
libproto_la_SOURCES = \
	proto/frame.h \
	proto/head_peek.c
libproto_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
# Generated code is not ours to warn about.
libproto_la_CFLAGS = $(AM_CFLAGS)
libproto_la_LIBADD = libcommon.la $(PROTOBUF_C_LIBS)
EXTRA_DIST += proto/kairn.proto
BUILT_SOURCES += proto/kairn.pb-c.h
CLEANFILES += proto/kairn.pb-c.c proto/kairn.pb-c.h

proto/kairn.pb-c.c: proto/kairn.pb-c.h
proto/kairn.pb-c.h: $(top_srcdir)/proto/kairn.proto
	$(AM_V_GEN)$(MKDIR_P) proto && $(PROTOC_C) --proto_path=$(top_srcdir)/proto --c_out=proto $(top_srcdir)/proto/kairn.proto
