"""Published waiting lists as series: what is hidden, recoded or rounded stays known as such."""
