"""A network of waiting lists, week by week, with luck looked up by child; held to exact answers."""
