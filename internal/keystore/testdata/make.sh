#!/bin/sh
# Makes the stores of this directory with a JDK's keytool, and openssl, in a directory given as $1. Their certificates are valid
# for a hundred years; passwords: storepass, and keypass for the keys where they differ.
set -eu
cd "$1"
k() { keytool "$@" >/dev/null 2>&1; }
pair() { # alias, algorithm, name, rest
  alias=$1 alg=$2 name=$3
  shift 3
  k -genkeypair -alias "$alias" -keyalg "$alg" -dname "CN=$name, O=gojn" -validity 36500 "$@"
}
SAN="-ext san=dns:localhost,ip:127.0.0.1"
pair jn rsa jn1.example.org -keysize 2048 -keystore rsa.jks -storetype jks -storepass storepass -keypass keypass $SAN
pair jn ec jn1.example.org -groupname secp256r1 -keystore ec.jks -storetype jks -storepass storepass -keypass storepass $SAN
pair jn rsa jn1.example.org -keysize 2048 -keystore rsa.p12 -storetype pkcs12 -storepass storepass $SAN
pair jn ec jn1.example.org -groupname secp384r1 -keystore ec.p12 -storetype pkcs12 -storepass storepass $SAN
pair jn dsa jn1.example.org -keysize 2048 -keystore dsa.jks -storetype jks -storepass storepass -keypass storepass $SAN
pair jn rsa jn1.example.org -keysize 2048 -keystore two.p12 -storetype pkcs12 -storepass storepass $SAN
pair other ec jn2.example.org -groupname secp256r1 -keystore two.p12 -storetype pkcs12 -storepass storepass
pair jn rsa jn1.example.org -keysize 2048 -keystore two.jks -storetype jks -storepass storepass -keypass storepass $SAN
pair other ec jn2.example.org -groupname secp256r1 -keystore two.jks -storetype jks -storepass storepass -keypass storepass
pair jn rsa jn1.example.org -keysize 2048 -keystore secret.jceks -storetype jceks -storepass storepass -keypass storepass
# A chain: a CA, and a key that it has signed.
pair ca rsa "Test CA" -keysize 2048 -ext bc:c -keystore ca.jks -storetype jks -storepass storepass -keypass storepass
k -exportcert -alias ca -keystore ca.jks -storepass storepass -file ca.crt
for kind in jks pkcs12; do
  store=chain.jks; [ $kind = jks ] || store=chain.p12
  pair jn rsa jn1.example.org -keysize 2048 -keystore $store -storetype $kind -storepass storepass -keypass storepass
  keytool -certreq -alias jn -keystore $store -storepass storepass -file jn.csr 2>/dev/null
  keytool -gencert -alias ca -keystore ca.jks -storepass storepass -validity 36500 $SAN -infile jn.csr -outfile jn.crt 2>/dev/null
  k -importcert -noprompt -alias ca -keystore $store -storepass storepass -file ca.crt
  k -importcert -noprompt -alias jn -keystore $store -storepass storepass -file jn.crt
done
# The same, signed with SHA-1.
pair jn rsa jn1.example.org -keysize 2048 -keystore sha1.jks -storetype jks -storepass storepass -keypass storepass
keytool -certreq -alias jn -keystore sha1.jks -storepass storepass -file jn.csr 2>/dev/null
keytool -gencert -alias ca -keystore ca.jks -storepass storepass -validity 36500 -sigalg SHA1withRSA $SAN \
  -infile jn.csr -outfile jn.crt 2>/dev/null
k -importcert -noprompt -alias ca -keystore sha1.jks -storepass storepass -file ca.crt
k -importcert -noprompt -alias jn -keystore sha1.jks -storepass storepass -file jn.crt
k -importcert -noprompt -alias ca -keystore trust.jks -storetype jks -storepass storepass -file ca.crt
k -importcert -noprompt -alias ca -keystore trust.p12 -storetype pkcs12 -storepass storepass -file ca.crt
# A key of openssl's with its certificate alone, and then its authority as trusted.
openssl pkcs12 -in chain.p12 -passin pass:storepass -nodes -clcerts -out jn.pem
openssl pkcs12 -export -name jn -in jn.pem -out trusting.p12 -passout pass:storepass
k -importcert -noprompt -alias zca -keystore trusting.p12 -storetype pkcs12 -storepass storepass -file ca.crt
rm -f ca.crt jn.crt jn.csr jn.pem
