package discovery

import (
	"encoding/json"
	"testing"
)

func TestGroups(t *testing.T) {
	const list = `[
	{"metadata":{"name":"quiet","namespace":"n"},"status":{"phase":"Running","podIP":"10.244.0.2"}},
	{"metadata":{"name":"early","namespace":"n","annotations":{"prometheus.io/scrape":"true"}},"status":{"phase":"Pending"}},
	{"metadata":{"name":"app","namespace":"n","labels":{"app.kubernetes.io/name":"x"},"annotations":{"prometheus.io/scrape":"true","prometheus.io/port":"9"}},
	 "spec":{"containers":[{"ports":[{"containerPort":80,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP"}]},{"ports":[{"containerPort":81}]}]},
	 "status":{"phase":"Running","podIP":"10.244.0.3"}},
	{"metadata":{"name":"bare","namespace":"n","annotations":{"prometheus.io/scrape":"true"}},"status":{"phase":"Running","podIP":"10.244.0.4"}}
]`
	var pods []pod
	if err := json.Unmarshal([]byte(list), &pods); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(groups(pods))
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"targets":["10.244.0.3:80","10.244.0.3:81"],"labels":{` +
		`"__meta_kubernetes_namespace":"n","__meta_kubernetes_pod_annotation_prometheus_io_port":"9",` +
		`"__meta_kubernetes_pod_annotation_prometheus_io_scrape":"true","__meta_kubernetes_pod_ip":"10.244.0.3",` +
		`"__meta_kubernetes_pod_label_app_kubernetes_io_name":"x","__meta_kubernetes_pod_name":"app","__meta_kubernetes_pod_phase":"Running"}},` +
		`{"targets":["10.244.0.4"],"labels":{"__meta_kubernetes_namespace":"n",` +
		`"__meta_kubernetes_pod_annotation_prometheus_io_scrape":"true","__meta_kubernetes_pod_ip":"10.244.0.4",` +
		`"__meta_kubernetes_pod_name":"bare","__meta_kubernetes_pod_phase":"Running"}}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if none, err := json.Marshal(groups(nil)); err != nil || string(none) != "[]" {
		t.Errorf("no pods give %s, which Prometheus does not accept", none)
	}
}
