#!/usr/bin/env bash
# Resolves Kafka's class path with Maven and writes the lock with every jar's SHA-256.
set -euo pipefail
kafka=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>kizashi</groupId><artifactId>kafka-class-path</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
XML
mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/lib" -Dmdep.useRepositoryLayout=true
.venv/bin/python -c "import sys; from pathlib import Path; from kizashi.standalone.jars import write_lock
lock = write_lock(sys.argv[1], Path(sys.argv[2])); print(len(lock.jars), 'jars locked')" "$kafka" "$work/lib"
