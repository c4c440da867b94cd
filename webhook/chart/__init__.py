"""The policy that the Helm chart deploys with a user's values, made as Helm makes it."""
