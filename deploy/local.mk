# deploy/local.mk
EXTRA_DIST += deploy/zookeeper
