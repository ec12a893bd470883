module grows

go 1.19
