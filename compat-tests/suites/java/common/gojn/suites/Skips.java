package gojn.suites;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The list of methods that are not run (skip) or not yet expected to pass (later), each with its reason: a line is
 * Class#method, tab, skip or later, tab, reason; one that begins with # is a comment.
 */
final class Skips {
  private final Map<String, String> skip = new HashMap<>();
  private final Map<String, String> later = new HashMap<>();

  static Skips read(Path file) throws IOException {
    Skips skips = new Skips();
    for (String line : Files.readAllLines(file)) {
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      String[] field = line.split("\t", 3);
      boolean later = field.length == 3 && field[1].equals("later");
      if (field.length != 3 || field[2].isEmpty() || !(later || field[1].equals("skip"))) {
        throw new IOException(file + ": not \"Class#method, skip or later, reason\": " + line);
      }
      (later ? skips.later : skips.skip).put(field[0], field[2]);
    }
    return skips;
  }

  /** Why the method is not run, or null. */
  String skip(String method) {
    return skip.get(method);
  }

  /** Why the method need not pass, or null. */
  String later(String method) {
    return later.get(method);
  }
}
