//! Kubernetes: any object, by server-side apply.
