module cgo_calls

go 1.19
