package gojn.suites;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;

import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** GET requests to a node. Whose certificate it shows is not looked at: that is for the test. */
final class Http {
  private static final int LIMIT_MILLIS = 20_000;

  private Http() {}

  /** Whether something answers HTTP there, with whatever status. */
  static boolean answers(String url) {
    try {
      HttpURLConnection connection = open(url);
      connection.getResponseCode();
      connection.disconnect();
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  static String get(String url) throws IOException {
    HttpURLConnection connection = open(url);
    try {
      int status = connection.getResponseCode();
      if (status != HttpURLConnection.HTTP_OK) {
        throw new IOException(url + " answered " + status + " " + connection.getResponseMessage());
      }
      try (InputStream in = connection.getInputStream()) {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        in.transferTo(body);
        return body.toString(StandardCharsets.UTF_8);
      }
    } finally {
      connection.disconnect();
    }
  }

  private static HttpURLConnection open(String url) throws IOException {
    HttpURLConnection connection = (HttpURLConnection) new URL(url).openConnection();
    connection.setConnectTimeout(LIMIT_MILLIS);
    connection.setReadTimeout(LIMIT_MILLIS);
    if (connection instanceof HttpsURLConnection) {
      HttpsURLConnection tls = (HttpsURLConnection) connection;
      tls.setHostnameVerifier((host, session) -> true);
      try {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new Anybody()}, null);
        tls.setSSLSocketFactory(context.getSocketFactory());
      } catch (GeneralSecurityException e) {
        throw new IOException("TLS without trust", e);
      }
    }
    return connection;
  }

  private static final class Anybody implements X509TrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
