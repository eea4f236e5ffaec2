# tests/server/codec/local.mk
check_PROGRAMS += tests/server/codec/test_codec
TESTS += tests/server/codec/test_codec
tests_server_codec_test_codec_SOURCES = \
	tests/server/codec/main.c \
	tests/server/codec/test_greet.c \
	tests/server/codec/test_native.c
tests_server_codec_test_codec_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_server_codec_test_codec_LDADD = libtestlib.la libcodec.la libproto.la libcommon.la $(CHECK_LIBS)
