# server/codec/: frames to request structs and back, the greeting.
noinst_LTLIBRARIES += libcodec.la
libcodec_la_SOURCES = \
	server/codec/codec.h \
	server/codec/native/native.c \
	server/codec/native/greet.h server/codec/native/greet.c
libcodec_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
