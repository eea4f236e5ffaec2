# tests/fuzz/: one program per kind of bytes that come from outside; target.h tells how they run.
#
#   tests/fuzz/run --seconds 60 builds and runs them all, or by hand:
#   CC=clang ../configure --enable-fuzz --enable-asan --disable-shared
#   make tests/fuzz/fuzz_batch && tests/fuzz/fuzz_batch -max_len=65536 -max_total_time=60 \
#       NEW_CORPUS ../tests/fuzz/corpus/batch ../tests/proto/golden
fuzz_targets = \
	tests/fuzz/fuzz_broker \
	tests/fuzz/fuzz_client \
	tests/fuzz/fuzz_client_config \
	tests/fuzz/fuzz_command \
	tests/fuzz/fuzz_config \
	tests/fuzz/fuzz_frame \
	tests/fuzz/fuzz_greeting \
	tests/fuzz/fuzz_head_request \
	tests/fuzz/fuzz_head_response \
	tests/fuzz/fuzz_batch \
	tests/fuzz/fuzz_compress \
	tests/fuzz/fuzz_consumer_protocol \
	tests/fuzz/fuzz_index_search \
	tests/fuzz/fuzz_offsets \
	tests/fuzz/fuzz_serde \
	tests/fuzz/fuzz_partitions \
	tests/fuzz/fuzz_record_input \
	tests/fuzz/fuzz_storage \
	tests/fuzz/fuzz_znode \
	tests/fuzz/fuzz_options
check_PROGRAMS += $(fuzz_targets)
if FUZZ
fuzz_main =
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
TESTS += $(fuzz_targets)
fuzz_main = tests/fuzz/replay.c
fuzz_ldflags = $(AM_LDFLAGS)
endif
fuzz_cppflags = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS) -DFUZZ_CORPUS='"$(abs_top_srcdir)/tests/fuzz/corpus"'
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/replay.c tests/fuzz/run

# A broker and who is connected to it; tests/torture has one, too.
broker_life_sources = tests/fuzz/input.h tests/fuzz/check_lib.c \
	tests/fuzz/broker/client.h tests/fuzz/broker/client.c \
	tests/fuzz/broker/life.h tests/fuzz/broker/life.c \
	tests/fuzz/broker/model.h tests/fuzz/broker/model.c \
	tests/fuzz/broker/requests.h tests/fuzz/broker/requests.c \
	tests/fuzz/broker/script.h tests/fuzz/broker/script.c \
	tests/server/broker/gate_rig.h tests/server/broker/gate_rig.c \
	tests/server/lib/plane.h tests/server/lib/plane.c tests/server/lib/plane_records.c \
	tests/server/lib/plane_where.c \
	tests/server/lib/group_member.h tests/server/lib/group_member.c
tests_fuzz_fuzz_broker_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_broker.c $(broker_life_sources) \
	$(fuzz_main)
tests_fuzz_fuzz_broker_CPPFLAGS = $(fuzz_cppflags) $(CHECK_CFLAGS) -DREPLAY_WHOLE
tests_fuzz_fuzz_broker_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_broker_LDADD = libtestlib.la $(BROKER_LIBS)

# An application and its broker; tests/torture has one, too.
client_life_sources = tests/fuzz/input.h tests/fuzz/check_lib.c \
	tests/fuzz/client/scripts.h tests/fuzz/client/scripts.c \
	$(fake_broker_sources) tests/client/helpers.h tests/client/helpers.c
tests_fuzz_fuzz_client_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_client.c \
	tests/fuzz/client/mangle.h tests/fuzz/client/mangle.c $(client_life_sources) $(fuzz_main)
tests_fuzz_fuzz_client_CPPFLAGS = $(fuzz_cppflags) $(CHECK_CFLAGS) -DREPLAY_WHOLE -DSOURCE_DIR='"$(abs_top_srcdir)"'
tests_fuzz_fuzz_client_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_client_LDADD = libtestlib.la libklientcore.la libcore.la libnet.la libproto.la libcommon.la

tests_fuzz_fuzz_command_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_command.c server/flags.c \
	tools/kairn/args.c tools/kairn/json.c tools/kairn/log_value.c tools/kairn/moment.c \
	tools/kairn/offsets_file.c tools/kairn/pair_list.c tools/kairn/record_format.c \
	tools/kairn/zookeeper.c $(fuzz_main)
tests_fuzz_fuzz_command_CPPFLAGS = $(fuzz_cppflags) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_command_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_command_LDADD = libklientcore.la libnet.la libproto.la libcommon.la $(JANSSON_LIBS)

tests_fuzz_fuzz_client_config_SOURCES = tests/fuzz/target.h tests/fuzz/memory_file.h \
	tests/fuzz/fuzz_client_config.c $(fuzz_main)
tests_fuzz_fuzz_client_config_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_client_config_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_client_config_LDADD = libklientcore.la libnet.la libproto.la libcommon.la

tests_fuzz_fuzz_config_SOURCES = tests/fuzz/target.h tests/fuzz/memory_file.h tests/fuzz/fuzz_config.c \
	$(fuzz_main)
tests_fuzz_fuzz_config_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_config_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_config_LDADD = $(BROKER_LIBS)

tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_frame.c $(fuzz_main)
tests_fuzz_fuzz_frame_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_frame_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_frame_LDADD = libproto.la libcommon.la

tests_fuzz_fuzz_greeting_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_greeting.c $(fuzz_main)
tests_fuzz_fuzz_greeting_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_greeting_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_greeting_LDADD = libproto.la libcommon.la

tests_fuzz_fuzz_head_request_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_head_request.c $(fuzz_main)
tests_fuzz_fuzz_head_request_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_head_request_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_head_request_LDADD = libproto.la libcommon.la

tests_fuzz_fuzz_head_response_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_head_response.c $(fuzz_main)
tests_fuzz_fuzz_head_response_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_head_response_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_head_response_LDADD = libproto.la libcommon.la

tests_fuzz_fuzz_batch_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_batch.c $(fuzz_main)
tests_fuzz_fuzz_batch_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_batch_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_batch_LDADD = libruntime.la libstorage.la libproto.la libcommon.la

tests_fuzz_fuzz_index_search_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_index_search.c $(fuzz_main)
tests_fuzz_fuzz_index_search_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_index_search_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_index_search_LDADD = libstorage.la libproto.la libcommon.la

tests_fuzz_fuzz_compress_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_compress.c $(fuzz_main)
tests_fuzz_fuzz_compress_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_compress_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_compress_LDADD = libcommon.la

tests_fuzz_fuzz_consumer_protocol_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_consumer_protocol.c $(fuzz_main)
tests_fuzz_fuzz_consumer_protocol_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_consumer_protocol_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_consumer_protocol_LDADD = libproto.la libcommon.la

tests_fuzz_fuzz_partitions_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_partitions.c $(fuzz_main)
tests_fuzz_fuzz_partitions_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_partitions_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_partitions_LDADD = libklientcore.la libnet.la libproto.la libcommon.la

tests_fuzz_fuzz_offsets_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_offsets.c $(fuzz_main)
tests_fuzz_fuzz_offsets_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_offsets_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_offsets_LDADD = libproto.la libcommon.la

tests_fuzz_fuzz_serde_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_serde.c $(fuzz_main)
tests_fuzz_fuzz_serde_CPPFLAGS = $(fuzz_cppflags) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_serde_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_serde_LDADD = libklientcore.la libcommon.la $(JANSSON_LIBS)

tests_fuzz_fuzz_storage_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_storage.c $(fuzz_main)
tests_fuzz_fuzz_storage_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_storage_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_storage_LDADD = libtestlib.la libstorage.la libproto.la libcommon.la

tests_fuzz_fuzz_options_SOURCES = tests/fuzz/target.h tests/fuzz/memory_file.h tests/fuzz/fuzz_options.c $(fuzz_main)
tests_fuzz_fuzz_options_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_options_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_options_LDADD = libcommon.la

tests_fuzz_fuzz_record_input_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_record_input.c $(fuzz_main) \
	tools/kairn/json.c tools/kairn/record_format.c tools/kairn/record_input.c
tests_fuzz_fuzz_record_input_CPPFLAGS = $(fuzz_cppflags) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_record_input_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_record_input_LDADD = libklient.la libcommon.la $(JANSSON_LIBS)

tests_fuzz_fuzz_znode_SOURCES = tests/fuzz/target.h tests/fuzz/fuzz_znode.c $(fuzz_main)
tests_fuzz_fuzz_znode_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_znode_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_znode_LDADD = libzk.la libcommon.la $(ZOOKEEPER_LIBS) $(JANSSON_LIBS)

$(tests_fuzz_fuzz_head_request_OBJECTS) $(tests_fuzz_fuzz_head_response_OBJECTS): | proto/kairn.pb-c.h
