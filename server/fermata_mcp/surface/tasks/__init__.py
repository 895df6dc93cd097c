"""The protocol's tasks extension over our own rows: to be dropped for the SDK's, once it brings one."""
