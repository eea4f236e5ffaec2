# server/codec/local.mk
