"""What is fetched from elsewhere: checked addresses, links, downloads."""
