module github.com/sluicehq/sluice/test/cluster

go 1.26.0
