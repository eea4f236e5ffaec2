# server/runtime/: drives the cores; loops that own partitions, parked requests, metadata, long polls.
noinst_LTLIBRARIES += libruntime.la
libruntime_la_SOURCES = \
	server/runtime/changes_build.h server/runtime/changes_build.c \
	server/runtime/control.h server/runtime/control.c server/runtime/control_internal.h \
	server/runtime/control_request.c \
	server/runtime/controller_load.c \
	server/runtime/controller_watch.c \
	server/runtime/drive_controller.c \
	server/runtime/drive_member.c \
	server/runtime/metadata.h \
	server/runtime/news.c \
	server/runtime/peer.h server/runtime/peer.c \
	server/runtime/store.c
libruntime_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS) $(ZOOKEEPER_CFLAGS) $(EVENT_CFLAGS)
