#!/usr/bin/env bash
# usage: hdfs.sh DATA_DIR   (env: PORT=9870, XMX=512m, JAVA_OPTS=more options, LIB_DIR=DATA_DIR/lib, INSTALL_ONLY=1 ends after the installation)
# A real NameNode and DataNode (Hadoop mini-cluster, Maven Central) with WebHDFS.
set -euo pipefail
data=$(mkdir -p "$1" && cd "$1" && pwd); port=${PORT:-9870}; lib=${LIB_DIR:-$data/lib}
mkdir -p "$(dirname "$lib")"
dep() { printf '<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>' "$@"; }
# Who comes second waits for the first one's installation.
(
  flock 9
  [ -d "$lib" ] && exit 0
  { printf '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>hdfs</artifactId><version>1</version><dependencies>'
    dep org.apache.hadoop hadoop-minicluster 3.4.1
    # its own tree mixes Jackson versions and leaves test libraries out
    for a in core databind annotations; do dep com.fasterxml.jackson.core jackson-$a 2.15.4; done
    dep org.mockito mockito-core 2.28.2; dep junit junit 4.13.2
    printf '</dependencies></project>\n'; } >"$lib.pom.xml"
  rm -rf "$lib.new"
  mvn -q -B -f "$lib.pom.xml" dependency:copy-dependencies -DoutputDirectory="$lib.new" -DincludeScope=runtime >&2
  mv "$lib.new" "$lib"
) 9>"$lib.lock"
[ -z "${INSTALL_ONLY:-}" ] || exit 0
cat >"$data/Hdfs.java" <<'JAVA'
import java.io.File;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.MiniDFSCluster;

public class Hdfs {
  public static void main(String[] args) throws Exception {
    int port = Integer.parseInt(args[1]);
    Configuration conf = new Configuration();
    conf.setBoolean("dfs.permissions.enabled", false);
    new MiniDFSCluster.Builder(conf, new File(args[0])).numDataNodes(1).nameNodeHttpPort(port).build().waitActive();
    System.out.println("webhdfs=127.0.0.1:" + port + " path=/webhdfs/v1");
    Thread.currentThread().join();
  }
}
JAVA
exec java -Xmx"${XMX:-512m}" ${JAVA_OPTS:-} -cp "$lib/*" "$data/Hdfs.java" "$data/hdfs" "$port"
