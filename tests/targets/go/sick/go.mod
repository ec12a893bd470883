module sick

go 1.19
