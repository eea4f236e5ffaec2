# server/: the broker and its program.
noinst_LTLIBRARIES += libbroker.la
libbroker_la_SOURCES = \
	server/admission.h server/admission.c \
	server/broker.h server/broker.c server/broker_state.h server/broker_data.c \
	server/budget.h \
	server/call.h server/call.c \
	server/config.h server/config.c server/config_table.h \
	server/config_parts.h server/config_parts.c \
	server/connection.h server/connection.c \
	server/dynamic.h server/dynamic.c \
	server/endpoints.h server/endpoints.c \
	server/flags.h server/flags.c \
	server/gate.h server/gate.c
libbroker_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)

# All of the broker, in the order of the layers. Convenience libraries do not name each other:
# each object is linked once.
BROKER_LIBS = libbroker.la libapi.la libcodec.la libruntime.la libcore.la libstorage.la libzk.la \
	libnet.la libproto.la libpattern.la libcommon.la

sbin_PROGRAMS += kairnd
kairnd_SOURCES = server/main.c
kairnd_CPPFLAGS = $(AM_CPPFLAGS)
kairnd_LDADD = $(BROKER_LIBS)
