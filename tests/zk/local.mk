# tests/zk/: the znode catalogue by itself, the rest against a real server.
check_PROGRAMS += tests/zk/test_znode tests/zk/test_zk
TESTS += tests/zk/test_znode tests/zk/test_zk

tests_zk_test_znode_SOURCES = tests/zk/test_znode.c tests/zk/test_znode_feature.c tests/zk/test_connect.c
tests_zk_test_znode_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) -DTOP_SRCDIR='"$(abs_top_srcdir)"'
tests_zk_test_znode_LDADD = libtestlib.la libzk.la libcommon.la $(CHECK_LIBS)

tests_zk_test_zk_SOURCES = \
	tests/zk/main.c tests/zk/suites.h \
	tests/zk/inbox.h tests/zk/inbox.c \
	tests/zk/peer.h tests/zk/peer.c \
	tests/zk/proxy.h tests/zk/proxy.c \
	tests/zk/server.h tests/zk/server.c \
	tests/zk/test_bootstrap.c tests/zk/test_elect.c tests/zk/test_register.c tests/zk/test_session.c \
	tests/zk/test_guardian.h tests/zk/test_guardian.c
tests_zk_test_zk_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(ZOOKEEPER_CFLAGS) \
	-DTOP_SRCDIR='"$(abs_top_srcdir)"'
tests_zk_test_zk_LDADD = libtestlib.la libzk.la libcommon.la $(ZOOKEEPER_LIBS) $(CHECK_LIBS)
