# net/: loops, mailboxes, timers, listeners, connections, channels on libevent's events.
noinst_LTLIBRARIES += libnet.la
libnet_la_SOURCES = \
	net/address.h net/address.c \
	net/channel.h net/channel_internal.h net/channel.c net/channel_connect.c \
	net/conn.h net/conn_internal.h net/conn.c net/conn_patience.c net/conn_receive.c net/conn_send.c \
	net/descriptors.h net/descriptors.c \
	net/listener.h net/listener.c \
	net/loop.h net/loop_internal.h net/loop.c net/timer.c \
	net/mailbox.h net/mailbox.c \
	net/resolve.h net/resolve.c \
	net/slab_pool.h net/slab_pool.c \
	net/transport.h net/transport_plain.c
libnet_la_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
# Not libcommon.la: libraries that need both would hold it twice. Programs link it themselves.
libnet_la_LIBADD = $(EVENT_LIBS)
