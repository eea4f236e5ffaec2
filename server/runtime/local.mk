# server/runtime/local.mk
