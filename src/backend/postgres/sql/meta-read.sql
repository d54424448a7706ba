SELECT m.name, m.value FROM :meta m
