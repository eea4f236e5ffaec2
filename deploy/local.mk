# deploy/: local clusters, the quickstart, and what has to be installed.
EXTRA_DIST += \
	deploy/cluster \
	deploy/install-packages \
	deploy/packages.txt \
	deploy/quickstart \
	deploy/zookeeper
