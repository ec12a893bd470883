module last_words

go 1.19
