# net/: libevent: loops, mailboxes, timers, listeners, connections, channels.
noinst_LTLIBRARIES += libnet.la
libnet_la_SOURCES = \
	net/address.h net/address.c \
	net/channel.h net/channel.c \
	net/conn.h net/conn.c net/conn_private.h net/conn_receive.c net/conn_send.c \
	net/listener.h net/listener.c \
	net/loop.h net/loop.c net/loop_private.h \
	net/mailbox.h net/mailbox.c \
	net/resolve.h net/resolve.c \
	net/timer.c \
	net/transport.h net/transport_plain.c
libnet_la_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
# Not libcommon.la: libraries that need both would hold it twice. Programs link it themselves.
libnet_la_LIBADD = $(EVENT_LIBS)
