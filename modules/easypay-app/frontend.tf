# The application's own pods. What they need to know comes to them as environment variables: settings in the clear, the
# database's password from the secret.

locals {
  frontend_environment = merge(var.frontend.settings, {
    DATABASE_HOST                    = "database.${var.namespace}.svc"
    DATABASE_PORT                    = "3306"
    DATABASE_NAME                    = var.database.name
    DATABASE_USER                    = var.database.user
    DATABASE_CONNECT_TIMEOUT_SECONDS = tostring(var.frontend.connect_timeout_seconds)
    # All pods together, at their most, stay below what the database takes; a few connections are left for operators.
    DATABASE_POOL_SIZE = tostring(floor((var.database.max_connections - 10) / var.frontend.max_replicas))
  })

  frontend_mounts = concat(
    [for path in var.frontend.writable_paths : { name = "scratch", mountPath = path, subPath = trim(replace(path, "/", "-"), "-") }],
    [for path in var.frontend.files[*].path : { name = "files", mountPath = path, readOnly = true }],
  )
  frontend_volumes = concat(
    [{ name = "scratch", emptyDir = { sizeLimit = "64Mi" } }],
    [for path in var.frontend.files[*].path : { name = "files", configMap = { name = "frontend" } }],
  )
}

resource "kubernetes_manifest" "frontend_files" {
  manifest = {
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata = {
      name      = "frontend"
      namespace = local.namespace
      labels    = local.labels.frontend
    }
    data = try(var.frontend.files.content, {})
  }
}

resource "kubernetes_manifest" "frontend" {
  manifest = {
    apiVersion = "apps/v1"
    kind       = "Deployment"
    metadata = {
      name      = "frontend"
      namespace = local.namespace
      labels    = local.labels.frontend
    }
    spec = {
      # No number of replicas: that is the autoscaler's.
      selector = { matchLabels = local.labels.frontend }

      # A new release adds a pod before it takes one away.
      strategy = {
        type          = "RollingUpdate"
        rollingUpdate = { maxSurge = 1, maxUnavailable = 0 }
      }

      template = {
        metadata = {
          labels = local.labels.frontend
          annotations = {
            # Pods do not notice that a file has changed: with another checksum, they are made anew.
            "easypay/files" = sha256(jsonencode(kubernetes_manifest.frontend_files.manifest.data))
          }
        }
        spec = {
          automountServiceAccountToken = false
          securityContext = {
            runAsNonRoot   = true
            runAsUser      = var.frontend.user_id
            runAsGroup     = var.frontend.user_id
            fsGroup        = var.frontend.user_id
            seccompProfile = { type = "RuntimeDefault" }
          }

          # Over zones first, then over machines; rather somewhere than nowhere.
          topologySpreadConstraints = [for key in ["topology.kubernetes.io/zone", "kubernetes.io/hostname"] : {
            topologyKey       = key
            maxSkew           = 1
            whenUnsatisfiable = "ScheduleAnyway"
            labelSelector     = { matchLabels = local.labels.frontend }
          }]

          containers = [{
            name  = "frontend"
            image = var.frontend.image
            ports = [{ name = "http", containerPort = var.frontend.port, protocol = "TCP" }]

            env = concat(
              [for name, value in local.frontend_environment : { name = name, value = value }],
              [{
                name      = "DATABASE_PASSWORD"
                valueFrom = { secretKeyRef = { name = "database", key = "password" } }
              }],
            )

            # The autoscaler's percentages are of what is requested.
            resources = {
              requests = { cpu = var.frontend.cpu, memory = var.frontend.memory }
              limits   = { memory = var.frontend.memory_limit }
            }

            startupProbe = {
              httpGet          = { path = var.frontend.health_path, port = "http" }
              periodSeconds    = 2
              failureThreshold = 30
            }
            readinessProbe = {
              httpGet          = { path = var.frontend.health_path, port = "http" }
              periodSeconds    = 5
              timeoutSeconds   = 2
              failureThreshold = 2
            }
            livenessProbe = {
              httpGet          = { path = var.frontend.health_path, port = "http" }
              periodSeconds    = 10
              timeoutSeconds   = 5
              failureThreshold = 6
            }

            securityContext = {
              allowPrivilegeEscalation = false
              readOnlyRootFilesystem   = true
              capabilities             = { drop = ["ALL"] }
            }
            volumeMounts = local.frontend_mounts
          }]
          volumes = local.frontend_volumes
        }
      }
    }
  }

  # A pod starts with the password, so the secret comes first, and outlives it.
  depends_on = [kubernetes_manifest.database_secret]
}

# On this port of every node; the load balancer sends its connections there.
resource "kubernetes_manifest" "frontend_service" {
  manifest = {
    apiVersion = "v1"
    kind       = "Service"
    metadata = {
      name      = "frontend"
      namespace = local.namespace
      labels    = local.labels.frontend
    }
    spec = {
      type     = "NodePort"
      selector = local.labels.frontend
      ports = [{
        name       = "http"
        port       = 80
        targetPort = "http"
        nodePort   = var.node_port
        protocol   = "TCP"
      }]
    }
  }
}
