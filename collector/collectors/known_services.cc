#include "collector/collectors/known_services.h"

#include <fmt/format.h>

namespace ec {

std::string_view known_service(uint16_t port) {
  struct Row {
    uint16_t port;
    std::string_view name;
  };
  // They answer a GET with an error in their log, a blocked host or nothing for minutes.
  static constexpr Row kRows[] = {
      {21, "FTP"},      {22, "SSH"},         {23, "telnet"},       {25, "SMTP"},        {53, "DNS"},
      {110, "POP3"},    {111, "portmapper"}, {143, "IMAP"},        {389, "LDAP"},       {445, "SMB"},
      {465, "SMTP"},    {514, "syslog"},     {587, "SMTP"},        {631, "printing"},   {636, "LDAP"},
      {853, "DNS"},     {873, "rsync"},      {993, "IMAP"},        {995, "POP3"},       {1433, "SQL Server"},
      {1521, "Oracle"}, {1883, "MQTT"},      {2049, "NFS"},        {2181, "ZooKeeper"}, {3306, "MySQL"},
      {3389, "RDP"},    {4369, "Erlang"},    {5432, "PostgreSQL"}, {5671, "AMQP"},      {5672, "AMQP"},
      {5900, "VNC"},    {6000, "X11"},       {6379, "Redis"},      {6380, "Redis"},     {6432, "PgBouncer"},
      {8883, "MQTT"},   {9042, "Cassandra"}, {9092, "Kafka"},      {9100, "printing"},  {11211, "memcached"},
      {26379, "Redis"}, {27017, "MongoDB"},  {33060, "MySQL"}};
  for (const Row& row : kRows)
    if (row.port == port) return row.name;
  return {};
}

std::string_view known_product(std::string_view comm) {
  static constexpr std::pair<std::string_view, std::string_view> kRows[] = {
      {"postgres", "PostgreSQL"},  {"pgbouncer", "PgBouncer"},  {"redis-server", "Redis"},
      {"redis-sentinel", "Redis"}, {"valkey-server", "Valkey"}, {"valkey-sentinel", "Valkey"},
      {"keydb-server", "KeyDB"},   {"mysqld", "MySQL"},         {"mariadbd", "MariaDB"},
      {"memcached", "memcached"},  {"sshd", "OpenSSH"},         {"mongod", "MongoDB"},
      {"beam.smp", "Erlang"},      {"master", "Postfix"},       {"dovecot", "Dovecot"},
      {"named", "BIND"},           {"slapd", "OpenLDAP"},       {"smbd", "Samba"},
      {"vsftpd", "vsftpd"},        {"exim4", "Exim"},           {"dnsmasq", "dnsmasq"},
      {"unbound", "Unbound"},      {"mosquitto", "Mosquitto"},  {"clamd", "ClamAV"}};
  for (const auto& [name, product] : kRows)
    if (comm == name) return product;
  return comm.starts_with("php-fpm") ? "FastCGI" : "";  // "php-fpm8.2"
}

std::string question_for(std::string_view service, uint16_t port) {
  struct Row {
    std::string_view service, before, port_option, behind;
  };
  // What each has to show the requests that are slow or waiting now, and why.
  static constexpr std::string_view kRedis = " SLOWLOG GET 20 (then LATENCY DOCTOR, INFO, CLIENT LIST)";
  static constexpr Row kRows[] = {
      {"Redis", "redis-cli", " -p {}", kRedis},
      {"Valkey", "valkey-cli", " -p {}", kRedis},
      {"KeyDB", "keydb-cli", " -p {}", kRedis},
      {"PostgreSQL", "psql", " -p {}",
       " -xc \"SELECT pid, state, wait_event_type, wait_event, pg_blocking_pids(pid) AS blocked_by, now() - "
       "query_start AS "
       "running, left(query, 200) AS query FROM pg_stat_activity WHERE state <> 'idle' ORDER BY query_start\""},
      {"PgBouncer", "psql", " -p {}", " pgbouncer -c 'SHOW POOLS'"},
      {"MySQL", "mysql", " -P {}", " -e 'SHOW FULL PROCESSLIST; SHOW ENGINE INNODB STATUS\\G'"},
      {"MariaDB", "mariadb", " -P {}", " -e 'SHOW FULL PROCESSLIST; SHOW ENGINE INNODB STATUS\\G'"},
      {"MongoDB", "mongosh", " --port {}", " --eval 'db.currentOp({active: true, secs_running: {$gte: 1}})'"},
      {"memcached", "memcached-tool localhost", ":{}", " stats"},
      {"Erlang", "rabbitmqctl", "", " list_queues name messages consumers, when it is RabbitMQ"},
      {"FastCGI", "the status page of PHP-FPM", "", " (pm.status_path), through its web server"},
  };
  for (const Row& row : kRows)
    if (row.service == service)
      return fmt::format("{}{}{}", row.before, port == 0 ? "" : fmt::format(fmt::runtime(row.port_option), port),
                         row.behind);
  return {};
}

}  // namespace ec
