# MySQL, bound to its data: a StatefulSet gives the pod a name that stays, and the same volume after each restart.

resource "random_password" "database" {
  for_each = toset(["root", "application"])

  length = 32
  # Without signs that would have to be escaped in a URL or a shell.
  special = false
}

resource "kubernetes_manifest" "database_secret" {
  manifest = {
    apiVersion = "v1"
    kind       = "Secret"
    metadata = {
      name      = "database"
      namespace = local.namespace
      labels    = local.labels.database
    }
    type = "Opaque"
    data = {
      "root-password" = base64encode(random_password.database["root"].result)
      "password"      = base64encode(random_password.database["application"].result)
    }
  }
}

resource "kubernetes_manifest" "database_files" {
  manifest = {
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata = {
      name      = "database"
      namespace = local.namespace
      labels    = local.labels.database
    }
    data = {
      "easypay.cnf" = templatefile("${path.module}/files/easypay.cnf.tftpl", { database = var.database })
    }
  }
}

# No address of its own: the name leads straight to the pod.
resource "kubernetes_manifest" "database_service" {
  manifest = {
    apiVersion = "v1"
    kind       = "Service"
    metadata = {
      name      = "database"
      namespace = local.namespace
      labels    = local.labels.database
    }
    spec = {
      clusterIP = "None"
      selector  = local.labels.database
      ports = [{
        name       = "mysql"
        port       = 3306
        targetPort = "mysql"
        protocol   = "TCP"
      }]
    }
  }
}

resource "kubernetes_manifest" "database" {
  manifest = {
    apiVersion = "apps/v1"
    kind       = "StatefulSet"
    metadata = {
      name      = "database"
      namespace = local.namespace
      labels    = local.labels.database
    }
    spec = {
      serviceName = kubernetes_manifest.database_service.manifest.metadata.name
      replicas    = 1
      selector    = { matchLabels = local.labels.database }

      template = {
        metadata = {
          labels = local.labels.database
          annotations = {
            "easypay/files" = sha256(jsonencode(kubernetes_manifest.database_files.manifest.data))
          }
        }
        spec = {
          automountServiceAccountToken = false
          # Time to write what is in memory.
          terminationGracePeriodSeconds = 60
          securityContext = {
            runAsNonRoot   = true
            runAsUser      = 999
            runAsGroup     = 999
            fsGroup        = 999
            seccompProfile = { type = "RuntimeDefault" }
          }

          containers = [{
            name  = "mysql"
            image = var.database.image
            ports = [{ name = "mysql", containerPort = 3306, protocol = "TCP" }]

            # Passwords from files, since the environment of a process is shown in too many places. They count when the
            # volume is empty: later changes are made in the database.
            env = [
              { name = "MYSQL_ROOT_PASSWORD_FILE", value = "/run/secrets/database/root-password" },
              { name = "MYSQL_DATABASE", value = var.database.name },
              { name = "MYSQL_USER", value = var.database.user },
              { name = "MYSQL_PASSWORD_FILE", value = "/run/secrets/database/password" },
            ]

            resources = {
              requests = { cpu = var.database.cpu, memory = var.database.memory }
              limits   = { memory = var.database.memory }
            }

            startupProbe = {
              exec             = { command = ["mysqladmin", "ping", "--host=127.0.0.1"] }
              periodSeconds    = 5
              timeoutSeconds   = 5
              failureThreshold = 60
            }
            readinessProbe = {
              exec             = { command = ["mysqladmin", "ping", "--host=127.0.0.1"] }
              periodSeconds    = 5
              timeoutSeconds   = 5
              failureThreshold = 3
            }
            # A database that is only busy must not be restarted: it lives as long as it takes connections.
            livenessProbe = {
              tcpSocket        = { port = "mysql" }
              periodSeconds    = 10
              timeoutSeconds   = 5
              failureThreshold = 6
            }

            securityContext = {
              allowPrivilegeEscalation = false
              readOnlyRootFilesystem   = true
              capabilities             = { drop = ["ALL"] }
            }
            volumeMounts = [
              { name = "data", mountPath = "/var/lib/mysql" },
              { name = "files", mountPath = "/etc/mysql/conf.d", readOnly = true },
              { name = "secret", mountPath = "/run/secrets/database", readOnly = true },
              { name = "scratch", mountPath = "/tmp", subPath = "tmp" },
              { name = "scratch", mountPath = "/var/run/mysqld", subPath = "run" },
            ]
          }]
          volumes = [
            { name = "files", configMap = { name = "database" } },
            { name = "secret", secret = { secretName = "database", defaultMode = 288 } }, # 0440
            { name = "scratch", emptyDir = {} },
          ]
        }
      }

      volumeClaimTemplates = [{
        metadata = { name = "data" }
        spec = { for key, value in {
          accessModes      = ["ReadWriteOnce"]
          resources        = { requests = { storage = var.database.storage } }
          storageClassName = var.database.storage_class
        } : key => value if value != null }
      }]
    }
  }

  depends_on = [
    kubernetes_manifest.database_secret,
    # Closed before it opens.
    kubernetes_manifest.database_policy,
  ]
}
