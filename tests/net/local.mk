# tests/net/: the test's own thread runs the loops; peers are plain sockets on loopback.
check_PROGRAMS += tests/net/test_net
TESTS += tests/net/test_net
tests_net_test_net_SOURCES = \
	tests/net/channel_rig.h tests/net/channel_rig.c \
	tests/net/conn_rig.h tests/net/conn_rig.c \
	tests/net/main.c \
	tests/net/rig.h tests/net/rig.c \
	tests/net/suites.h \
	tests/net/test_channel.c \
	tests/net/test_channel_connect.c \
	tests/net/test_conn_patience.c \
	tests/net/test_conn_receive.c \
	tests/net/test_conn_send.c \
	tests/net/test_listener.c \
	tests/net/test_loop.c \
	tests/net/test_resolve.c \
	tests/net/test_slab_pool.c
tests_net_test_net_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_net_test_net_LDADD = libtestlib.la libnet.la libcommon.la $(CHECK_LIBS)
