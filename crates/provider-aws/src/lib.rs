//! AWS: EC2, Elastic Load Balancing, Elastic IPs.
