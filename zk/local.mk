# zk/: ZooKeeper: sessions, the znode catalogue, registration, election, fenced writes, the guardian.
noinst_LTLIBRARIES += libzk.la
libzk_la_SOURCES = \
	zk/bootstrap.h zk/bootstrap.c \
	zk/call.c \
	zk/connect.h zk/connect.c \
	zk/elect.h zk/elect.c \
	zk/fence.h zk/fence.c \
	zk/guardian.h zk/guardian.c \
	zk/link.h zk/link.c \
	zk/register.h zk/register.c \
	zk/session.h zk/session.c \
	zk/task.h \
	zk/watch.c \
	zk/znode.h zk/znode.c zk/znode_broker.c zk/znode_cluster.c zk/znode_topic.c \
	zk/znode_consumer.c \
	zk/znode_feature.c \
	zk/znode_reassign.c \
	zk/znode_json.h zk/znode_json.c
libzk_la_CPPFLAGS = $(AM_CPPFLAGS) $(ZOOKEEPER_CFLAGS) $(JANSSON_CFLAGS)
libzk_la_LIBADD = $(ZOOKEEPER_LIBS) $(JANSSON_LIBS)
