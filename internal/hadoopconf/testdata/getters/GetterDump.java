import java.io.*;
import java.net.InetSocketAddress;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.net.NetUtils;

/** Prints what Hadoop's getters make of each line of the file given: getter, tab, value with \n for a newline. */
public class GetterDump {
  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, "UTF-8");
    for (String line : Files.readAllLines(Paths.get(args[0]))) {
      String[] f = line.split("\t", -1);
      String v = f[1].replace("\\n", "\n");
      Configuration c = new Configuration(false);
      c.set("k", v);
      String r;
      try {
        switch (f[0]) {
        case "int": r = "" + c.getInt("k", -7); break;
        case "long": r = "" + c.getLong("k", -7); break;
        case "bytes": r = "" + c.getLongBytes("k", -7); break;
        case "time": r = "" + c.getTimeDuration("k", -7, TimeUnit.MILLISECONDS); break;
        case "bool": r = "" + c.getBoolean("k", true) + "/" + c.getBoolean("k", false); break;
        case "float": r = "" + Float.floatToIntBits(c.getFloat("k", -7)); break;
        case "strings": r = Arrays.toString(c.getTrimmedStrings("k")); break;
        case "set": r = c.getTrimmedStringCollection("k").toString(); break;
        case "address":
        case "addressNoPort":
          InetSocketAddress a = NetUtils.createSocketAddr(v, f[0].equals("address") ? 99 : -1, "k");
          r = a.getHostString() + " " + a.getPort(); break;
        case "perm": r = String.format("%o", new FsPermission(v).toShort()); break;
        default: throw new Error(line);
        }
      } catch (Exception e) {
        r = "ERROR";
      }
      out.println(line + "\t" + r.replace("\n", "\\n"));
    }
  }
}
