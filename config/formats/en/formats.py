"""How the admin writes times: as the API does, to the second, and saying that they are UTC."""

DATETIME_FORMAT = "Y-m-d H:i:s T"
DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
