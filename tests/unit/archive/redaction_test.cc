// Input beside what may be left of it. "#" stands for a placeholder; the secret itself must be gone.
#include "collector/archive/redaction.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "collector/base/bundle.h"

using namespace ec;

namespace {

const Redactor& redactor() {
  static const Redactor one(true);
  return one;
}

// Placeholders as "#", NUL as "|".
std::string folded(std::string text) {
  for (size_t at; (at = text.find("[redacted:")) != std::string::npos;)
    text.replace(at, text.find(']', at) - at + 1, "#");
  for (char& c : text)
    if (c == '\0') c = '|';
  return text;
}

std::string with_nuls(std::string text) {
  for (char& c : text)
    if (c == '|') c = '\0';
  return text;
}

std::string text(const std::string& input) { return folded(redactor().redact(Redact::kText, {}, input).bytes); }
std::string command(const std::string& input) {
  return folded(redactor().redact(Redact::kAuto, "raw/proc/42/cmdline", with_nuls(input)).bytes);
}
std::string environment(const std::string& input) {
  return folded(redactor().redact(Redact::kAuto, "raw/proc/42/environ", with_nuls(input)).bytes);
}
std::string json(const std::string& input) {
  std::string output = redactor().redact(Redact::kAuto, "raw/endpoint/vars.json", input).bytes;
  if (nlohmann::json::accept(input)) CHECK(nlohmann::json::accept(output));
  return folded(output);
}

struct Case {
  std::string input, left;
};

const std::string kJwt =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

}  // namespace

TEST_CASE("secrets in text go") {
  std::vector<Case> cases{
      {"password=hunter2", "password=#"},
      {"password: hunter2 user: bob", "password: # user: bob"},
      {"{\"password\":\"hunter2\",\"user\":\"bob\"}", "{\"password\":\"#\",\"user\":\"bob\"}"},
      {"body: {\\\"password\\\":\\\"hunter2\\\",\\\"user\\\":\\\"bob\\\"}",
       "body: {\\\"password\\\":\\\"#\\\",\\\"user\\\":\\\"bob\\\"}"},
      {"passwd=hunter2 pwd=hunter3 secret=hunter4", "passwd=# pwd=# secret=#"},
      {"db_password = \"two words\" next", "db_password = \"#\" next"},
      {"DB.PASSWORD=hunter2;x", "DB.PASSWORD=#"},
      {"dbPassword='hunter2', other", "dbPassword='#', other"},
      {"'password' => 'hunter2'", "'password' => '#'"},
      {"$config['password'] = 'hunter2';", "$config['password'] = '#';"},
      {"password := \"hunter2\"", "password := \"#\""},
      {"{user=bob, password=hunter2}", "{user=bob, password=#}"},
      {"api_key=abc123 apiKey: abc123", "api_key=# apiKey: #"},
      {"X-Api-Key: abc123", "X-Api-Key: #"},
      {"client_secret=abc&grant_type=x", "client_secret=#&grant_type=x"},
      {"GET /cb?access_token=abc123&state=1 HTTP/1.1", "GET /cb?access_token=#&state=1 HTTP/1.1"},
      {"GET \"/cb?token=abc123\" 200", "GET \"/cb?token=#\" 200"},
      {"next=%2Fcb%3Ftoken%3Dabc123%26x%3D1", "next=%2Fcb%3Ftoken%3D#%26x%3D1"},
      {"https://s3.amazonaws.com/b/k?X-Amz-Signature=0123456789abcdef0123&X-Amz-Date=1",
       "https://s3.amazonaws.com/b/k?X-Amz-Signature=#&X-Amz-Date=1"},
      {"Authorization: Bearer abc.def-123", "Authorization: Bearer #"},
      {"authorization: Basic dXNlcjpwYXNz and more", "authorization: Basic # and more"},
      {"Authorization: Digest username=\"u\", response=\"0123\"", "Authorization: Digest #"},
      {"Authorization: rawtoken", "Authorization: #"},
      {"\"Authorization\":\"Bearer abc\"", "\"Authorization\":\"Bearer #\""},
      {"curl -H 'Authorization: Bearer abc' http://x", "curl -H 'Authorization: Bearer #' http://x"},
      {"map[Authorization:[Bearer abc123] Accept:[*/*]]", "map[Authorization:[Bearer #] Accept:[*/*]]"},
      {"Proxy-Authorization: Basic dXNlcjpwYXNz", "Proxy-Authorization: Basic #"},
      {"Cookie: session=abc; theme=dark\nHost: x", "Cookie: #\nHost: x"},
      {"Set-Cookie: id=abc; Path=/; HttpOnly\r\nHost: x", "Set-Cookie: #\r\nHost: x"},
      {"curl -H \"Cookie: a=b; c=d\" -v", "curl -H \"Cookie: #\" -v"},
      {"sent Bearer abcdefgh12345678 to host", "sent Bearer # to host"},
      {"sent Basic dXNlcjpwYXNz to host", "sent Basic # to host"},
      {"id AKIAIOSFODNN7EXAMPLE used", "id # used"},
      {"ASIAIOSFODNN7EXAMPLE", "#"},
      {"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = #"},
      {"aws_session_token=FQoGZXIvYXdzE", "aws_session_token=#"},
      {"remote: ghp_abcdefghijklmnopqrstuvwxyz0123456789", "remote: #"},
      {"gho_abcdefghijklmnopqrstuvwxyz0123456789", "#"},
      {"ghs_abcdefghijklmnopqrstuvwxyz0123456789", "#"},
      {"github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz", "#"},
      {"xoxb-123456789012-abcdefghij xoxp-1-2-abcdefgh xapp-1-A0-123-abc", "# # #"},
      {"post https://hooks.slack.com/services/T000/B000/XXXX1234 ok", "post https://hooks.slack.com/services/# ok"},
      {"AIzaSyA1234567890abcdefghijklmnopqrstuv", "#"},
      {"sk_live_abcdefghijklmnop rk_test_abcdefghijklmnop", "# #"},
      {"npm_abcdefghijklmnopqrstuvwxyz0123456789", "#"},
      {"//registry.npmjs.org/:_authToken=abc", "//registry.npmjs.org/:_authToken=#"},
      {"token is " + kJwt + ".", "token is #"},
      {"postgres://bob:hunter2@db:5432/x?sslmode=off", "postgres://bob:#@db:5432/x?sslmode=off"},
      {"redis://:hunter2@cache:6379/0", "redis://:#@cache:6379/0"},
      {"postgres://bob:hun/ter#2@db/x", "postgres://bob:#@db/x"},
      {"https://bob:p@ss@host/path", "https://bob:#@host/path"},
      {"clone https://abcdefghijklmnopqrst@github.com/x/y", "clone https://#@github.com/x/y"},
      {"dsn root:hunter2@tcp(db:3306)/app", "dsn root:#@tcp(db:3306)/app"},
      {"host=db user=bob password=hunter2 dbname=x", "host=db user=bob password=# dbname=x"},
      {"host=db password='two \\'words' dbname=x", "host=db password='#' dbname=x"},
      {"Server=db;Uid=sa;Pwd=a;b;Database=x;", "Server=db;Uid=sa;Pwd=#;Database=x;"},
      {"Server=db;Password=hunter2;Initial Catalog=x", "Server=db;Password=#;Initial Catalog=x"},
      {"DefaultEndpointsProtocol=https;AccountName=x;AccountKey=abc==;EndpointSuffix=y",
       "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=#;EndpointSuffix=y"},
      {"statement: ALTER ROLE bob PASSWORD 'hunter2';", "statement: ALTER ROLE bob PASSWORD '#';"},
      {"CREATE USER bob IDENTIFIED BY 'hunter2'", "CREATE USER bob IDENTIFIED BY '#'"},
      {"COMMAND=/usr/bin/mysql --password hunter2 -u root", "COMMAND=/usr/bin/mysql --password # -u root"},
      {"COMMAND=/usr/bin/mysql -phunter2 -u root", "COMMAND=/usr/bin/mysql -p# -u root"},
      {"COMMAND=/usr/bin/curl -u bob:hunter2 http://x", "COMMAND=/usr/bin/curl -u bob:# http://x"},
      {"requirepass hunter2\nmasterauth hunter3", "requirepass #\nmasterauth #"},
      {"<password>hunter2</password>", "<password>#</password>"},
      {"bob<password>hunter2</password>", "bob<password>#</password>"},
      {"<ns:password>hunter2\n", "<ns:password>#\n"},
      {"<add key=\"DbPassword\" value=\"hunter2\"/>", "<add key=\"DbPassword\" value=\"#\"/>"},
      {"{\"name\":\"DB_PASSWORD\",\"value\":\"hunter2\"}", "{\"name\":\"DB_PASSWORD\",\"value\":\"#\"}"},
      {"bot 123456789:AAEabcdefghijklmnopqrstuvwxyz0123456 up", "bot # up"},
      {"-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAAA==\n-----END RSA PRIVATE KEY-----\nnext", "#\nnext"},
      {"\"-----BEGIN PRIVATE KEY-----\\nMIIEow\\n-----END PRIVATE KEY-----\\n\",", "\"#\\n\","},
      {"private_key: \"-----BEGIN PRIVATE KEY-----\nMIIEow\n-----END PRIVATE KEY-----\"", "private_key: \"#\""},
      {"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nAAAA", "#"},
      {"AAAABBBB\nCCCC==\n-----END RSA PRIVATE KEY-----\n", "#-----END RSA PRIVATE KEY-----\n"},
      {"password: |\n  hunter2\nnext: x", "password: |\n  #\nnext: x"},
      {"passphrase: correct horse battery", "passphrase: #"},
      {"signature=0123456789abcdef0123456789", "signature=#"},
      {"session=0123456789abcdef0123456789 x", "session=# x"},
      {"['mysql', '--password', 'hunter2']", "['mysql', '--password', '#']"},
  };
  for (const Case& c : cases) {
    INFO(c.input);
    CHECK(text(c.input) == c.left);
  }
}

TEST_CASE("ordinary text stays") {
  std::vector<std::string> lines{
      "password authentication failed for user \"bob\"",
      "Failed password for root from 10.0.0.1 port 22 ssh2",
      "tokens: 5",
      "max_tokens=4096 token_count=7",
      "password_encryption=scram-sha-256 password_file=/etc/x",
      "open /run/secrets/token: no such file or directory",
      "sudo: bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/bin/ls",
      "PASS: test_login",
      "authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.1  user=root",
      "55d0c0a00000-55d0c0a28000 r--p 00000000 fd:00 1234567                    /usr/lib/postgresql/15/bin/postgres",
      "7ffd9c1e2000-7ffd9c203000 rw-p 00000000 00:00 0                          [stack]",
      "pos:\t0\nflags:\t02004002\nmnt_id:\t15\nino:\t1057\nscm_fds: 0",
      "42 (tokens: pass) S 1 42 42 0 -1 4194560 2 0 0 0 1 0 0 0 20 0 1 0 100 4096 1",
      "Name:\tpostgres\nState:\tS (sleeping)\nSigQ:\t0/127331\nSeccomp:\t2\nSpeculation_Store_Bypass:\tthread "
      "vulnerable",
      "MemTotal:       49312345 kB\nKernelStack:       12345 kB\nAnonHugePages:         0 kB",
      "key 'PRIMARY' for table users",
      "key=user:1234 hit",
      "http://127.0.0.1:6060/debug/pprof/@x?y=a@b",
      "ssh://git@github.com/x/y.git",
      "http://[::1]:8080/x",
      "docker run -u 1000:1000 -p 8080:80",
      "password=\"\" token=null secret=**** password=<hidden>",
      "password=${DB_PASSWORD}",
      "Basic authentication failed; Bearer token expired",
      "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
      "audit: type=1400 apparmor=\"STATUS\" operation=\"profile_load\" name=\"x\" pid=1 comm=\"y\"",
      "BOOT_IMAGE=/boot/vmlinuz root=UUID=0a1b2c3d-0000-1111-2222-333344445555 ro quiet",
      "net.ipv4.tcp_syncookies = 1\nnet.ipv4.ipfrag_secret_interval = 0\nnet.bridge.bridge-nf-pass-vlan-input-dev = 0",
      "status installed python3-jwt:all 2.6.0-1; passwd:amd64 libsecret-1-0:amd64",
      "auth/token.go:42: refused, systemd-ask-password-wall.path: Deactivated",
      "2026-11-20T21:46:38Z INFO 10.0.0.1:5432 connected, latency=3ms, code=200",
      "auth::Token::new(auth::Secret::from), Secret::~Secret(), http::Cookie::parse(a; b)",
      "std::vector<Cookie, std::allocator<Cookie> >::push_back(Cookie&&), Box<auth::Password>, Vec<Token>::len",
  };
  for (const std::string& line : lines) {
    Redacted result = redactor().redact(Redact::kText, {}, line);
    CHECK(result.bytes == line);
    CHECK(result.count == 0);
  }
}

TEST_CASE("arguments") {
  std::vector<Case> cases{
      {"mysql|--password=hunter2|-u|root|", "mysql|--password=#|-u|root|"},
      {"mysql|--password|hunter2|-u|root|", "mysql|--password|#|-u|root|"},
      {"mysql|-phunter2|-u|root|", "mysql|-p#|-u|root|"},
      {"/usr/bin/mysqldump|-p|hunter2|db|", "/usr/bin/mysqldump|-p|#|db|"},
      {"mysql|--password|-u|root|", "mysql|--password|-u|root|"},
      {"sudo|-E|mysql|-phunter2|", "sudo|-E|mysql|-p#|"},
      {"app|-p|hunter2|", "app|-p|#|"},
      {"app|-p|8080|", "app|-p|8080|"},
      {"ssh|-p|2222|host|", "ssh|-p|2222|host|"},
      {"mkdir|-p|deep|", "mkdir|-p|deep|"},
      {"app|--token|abc|--api-key|def|--verbose|", "app|--token|#|--api-key|#|--verbose|"},
      {"app|--token=a b,c;d|", "app|--token=#|"},
      {"app|-token|abc|", "app|-token|#|"},
      {"app|--token-file|/run/t|", "app|--token-file|/run/t|"},
      {"app|--no-password|x|", "app|--no-password|x|"},
      {"curl|-u|bob:hunter2|http://x|", "curl|-u|bob:#|http://x|"},
      {"curl|-ubob:hunter2|http://x|", "curl|-ubob:#|http://x|"},
      {"curl|--user=bob:hunter2|", "curl|--user=bob:#|"},
      {"docker|run|-u|1000:1000|-p|8080:80|img|", "docker|run|-u|1000:1000|-p|8080:80|img|"},
      {"curl|-H|Authorization: Bearer abc|http://x|", "curl|-H|Authorization: Bearer #|http://x|"},
      {"curl|-H|X-Vault-Token: a b|", "curl|-H|X-Vault-Token: #|"},
      {"emergency-collect|--header|X-Team: 7f3a|--pid|1|", "emergency-collect|--header|X-Team: #|--pid|1|"},
      {"curl|-H|Accept: text/plain|-H|host: a.b|", "curl|-H|Accept: text/plain|-H|host: a.b|"},
      {"curl|-H|Cookie: a=b; c=d|", "curl|-H|Cookie: #|"},
      {"app|token=abc|password=x y|", "app|token=#|password=#|"},
      {"java|-Djavax.net.ssl.keyStorePassword=x|-Xmx1g|-jar|a.jar|",
       "java|-Djavax.net.ssl.keyStorePassword=#|-Xmx1g|-jar|a.jar|"},
      {"docker|run|-e|DB_PASSWORD=a b|img|", "docker|run|-e|DB_PASSWORD=#|img|"},
      {"docker|run|--env=DB_PASSWORD=a b|img|", "docker|run|--env=DB_PASSWORD=#|img|"},
      {"openssl|enc|-pass|pass:x|", "openssl|enc|-pass|#|"},
      {"openssl|rsa|-passin|pass:x|", "openssl|rsa|-passin|pass:#|"},
      {"redis-cli|-a|hunter2|-p|6379|", "redis-cli|-a|#|-p|6379|"},
      {"sshpass|-p|hunter2|ssh|host|", "sshpass|-p|#|ssh|host|"},
      {"keytool|-storepass|changeit|", "keytool|-storepass|#|"},
      {"app|postgres://bob:hunter2@db/x|", "app|postgres://bob:#@db/x|"},
      {"app|http://x/?token=abc&y=1|", "app|http://x/?token=#&y=1|"},
      {"app|Server=db;Password=abc;Database=x|", "app|Server=db;Password=#;Database=x|"},
      {"psql|host=db password=hunter2 dbname=x|", "psql|host=db password=# dbname=x|"},
      {"sh|-c|mysql -phunter2 && curl -u a:b http://x|", "sh|-c|mysql -p# && curl -u a:# http://x|"},
      {"postgres: bob app 10.0.0.1(4242) idle|", "postgres: bob app 10.0.0.1(4242) idle|"},
      {"node|server.js|--port|3000|", "node|server.js|--port|3000|"},
      {"env|AWS_SECRET_ACCESS_KEY=abc|app|", "env|AWS_SECRET_ACCESS_KEY=#|app|"},
      {"|||", "|||"},
  };
  for (const Case& c : cases) {
    INFO(c.input);
    CHECK(command(c.input) == c.left);
  }
}

TEST_CASE("environment") {
  std::vector<Case> cases{
      {"PATH=/bin|HOME=/root|LC_ALL=C|GOGC=100|", "PATH=/bin|HOME=/root|LC_ALL=C|GOGC=100|"},
      {"DB_PASSWORD=hunter2|FOO=bar|", "DB_PASSWORD=#|FOO=#|"},
      {"EMPTY=|X=1|", "EMPTY=|X=#|"},
      {"PATH=/bin:postgres://a:b@c|", "PATH=/bin:postgres://a:#@c|"},
      {"unter2|PATH=/bin|", "#|PATH=/bin|"},
      {"KUBERNETES_SERVICE_HOST=10.0.0.1|MALLOC_ARENA_MAX=2|", "KUBERNETES_SERVICE_HOST=10.0.0.1|MALLOC_ARENA_MAX=2|"},
      {"A=multi\nline|", "A=#|"},
  };
  for (const Case& c : cases) {
    INFO(c.input);
    CHECK(environment(c.input) == c.left);
  }
}

TEST_CASE("JSON stays JSON") {
  std::vector<Case> cases{
      {R"({"password":"hunter2","n": 5.00,"a":[1,2]})", R"({"password":"#","n": 5.00,"a":[1,2]})"},
      {R"({"password": 12345, "ok": true})", R"({"password": "#", "ok": true})"},
      {R"({"password": null, "secret": ""})", R"({"password": null, "secret": ""})"},
      {R"({"cmdline": ["/bin/app", "--password", "hunter2", "-v"]})",
       R"({"cmdline": ["/bin/app", "--password", "#", "-v"]})"},
      {R"({"args": ["mysql", "-phunter2"]})", R"({"args": ["mysql", "-p#"]})"},
      {R"({"env": ["PATH=/bin", "FOO=bar"]})", R"({"env": ["PATH=/bin", "FOO=#"]})"},
      {R"({"environment": {"PATH": "/bin", "FOO": "bar"}})", R"({"environment": {"PATH": "/bin", "FOO": "#"}})"},
      {R"({"headers": {"Authorization": ["Bearer abc"], "Cookie": "a=b; c"}})",
       R"({"headers": {"Authorization": ["Bearer #"], "Cookie": "#"}})"},
      {R"({"credentials": {"user": "bob", "other": "x"}})", R"({"credentials": {"user": "#", "other": "#"}})"},
      {R"([{"name": "DB_PASSWORD", "value": "x1"}, {"value": "x2", "name": "API_TOKEN"}, {"name": "A", "value": "b"}])",
       R"([{"name": "DB_PASSWORD", "value": "#"}, {"value": "#", "name": "API_TOKEN"}, {"name": "A", "value": "b"}])"},
      {R"({"msg": "line\npassword=\"a\\b\" end"})", R"({"msg": "line\npassword=\"#\" end"})"},
      {R"({"url": "postgres://a:b@c/d"})", R"({"url": "postgres://a:#@c/d"})"},
      {R"({"tokens": 5, "total_tokens": 7, "tokens_seen": ["a"]})",
       R"({"tokens": 5, "total_tokens": 7, "tokens_seen": ["a"]})"},
      {R"({"tokens": ["abc"]})", R"({"tokens": ["#"]})"},
      {"{\"a\":1}\n{\"token\":\"x\"}\n", "{\"a\":1}\n{\"token\":\"#\"}\n"},
      {R"({"password":"hunt)", R"({"password":"#)"},
      {R"({"cmdline":["app","--password","hunt)", R"({"cmdline":["app","--password","#)"},
      {R"({"a": oops, "password":"hunter2"})", R"({"a": oops, "password":"#"})"},
      {R"({"password": oops123x})", R"({"password": #})"},
      {R"({"p\u0061ssword":"hunter2"})", R"({"p\u0061ssword":"#"})"},
      {"no json at all password=x", "no json at all password=#"},
  };
  for (const Case& c : cases) {
    INFO(c.input);
    CHECK(json(c.input) == c.left);
  }
}

TEST_CASE("deep and hostile JSON ends, and its secrets still go") {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":[";
  deep += "{\"password\":\"hunter2\"}";
  CHECK(json(deep).find("hunter2") == std::string::npos);
}

TEST_CASE("the same secret has the same placeholder everywhere, and another one in another archive") {
  std::string in_text = redactor().redact(Redact::kText, {}, "password=hunter2").bytes.substr(9);
  CHECK(in_text.size() == std::string("[redacted:secret:01234567]").size());
  CHECK(redactor().redact(Redact::kText, {}, "Authorization: Bearer hunter2").bytes.substr(22) == in_text);
  CHECK(redactor().redact(Redact::kEnvironment, {}, "X=hunter2").bytes.substr(2) == in_text);
  CHECK(redactor().redact(Redact::kJson, {}, "{\"token\":\"hunter2\"}").bytes == "{\"token\":\"" + in_text + "\"}");
  CHECK(redactor().redact(Redact::kCommandLine, {}, std::string("a\0--token\0hunter2\0", 18)).bytes.find(in_text) !=
        std::string::npos);
  Redactor other(true);
  CHECK(other.redact(Redact::kText, {}, "password=hunter2").bytes.substr(9) != in_text);
}

TEST_CASE("redacting twice changes nothing") {
  for (std::string input :
       {"password=hunter2 Cookie: a=b", "postgres://a:b@c \"token\":\"x\" ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "Authorization: Bearer hunter2", "Authorization: Digest username=\"bob\", response=\"x\"",
        "Authorization: hunter2"}) {
    std::string once = redactor().redact(Redact::kText, {}, input).bytes;
    Redacted twice = redactor().redact(Redact::kText, {}, once);
    CHECK(twice.bytes == once);
    CHECK(twice.count == 0);
  }
  std::string once =
      redactor().redact(Redact::kJson, {}, R"({"password":"x","env":["A=b"],"cmdline":["a","--token","y"]})").bytes;
  CHECK(redactor().redact(Redact::kJson, {}, once).count == 0);
  once = redactor().redact(Redact::kEnvironment, {}, "A=b").bytes;
  CHECK(redactor().redact(Redact::kEnvironment, {}, once).count == 0);
}

TEST_CASE("sections of a bundle go by their own names") {
  std::string bundle;
  append_section(bundle, "42/cmdline", std::string("app\0--token\0abc\0", 16));
  append_section(bundle, "42/environ", std::string("A=b\0PATH=/bin\0", 14));
  append_failed_section(bundle, "42/exe", Error{ErrorCode::kDenied, "", "password=hunter2", 13});
  append_section(bundle, "42/stat", "42 (x) S 1");
  Redacted result = redactor().redact(Redact::kAuto, "raw/processes.bundle", bundle);
  CHECK(result.count == 3);
  auto sections = parse_bundle(result.bytes);
  REQUIRE(sections.size() == 4);
  CHECK(folded(std::string(sections[0].bytes)) == "app|--token|#|");
  CHECK(folded(std::string(sections[1].bytes)) == "A=#|PATH=/bin|");
  CHECK(sections[2].failed);
  CHECK(folded(sections[2].error.detail) == "password=#");
  CHECK(sections[3].bytes == "42 (x) S 1");

  bundle.resize(bundle.find("/bin"));  // cut within a section
  result = redactor().redact(Redact::kAuto, "raw/processes.bundle", bundle);
  CHECK(result.bytes.find("A=b") == std::string::npos);
}

TEST_CASE("a Redactor that is off changes nothing") {
  Redactor off(false);
  CHECK(off.redact(Redact::kText, {}, "password=hunter2").bytes == "password=hunter2");
  CHECK(off.text("password=hunter2") == "password=hunter2");
  CHECK(redactor().text("password=hunter2") != "password=hunter2");
  CHECK(redactor().redact(Redact::kNothing, {}, "password=hunter2").bytes == "password=hunter2");
}
