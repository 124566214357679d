package claims

// KindDeployment is the kind of a claimed workload.
const KindDeployment = "Deployment"

const workloadGroup = "apps"

// ForWorkload is what a Rollout drives of the Deployment whose pod template it runs: its number of pods, while the
// Deployment carries sizeMark.
func ForWorkload(namespace, deployment, sizeMark string) Claim {
	return Claim{Kind: KindDeployment, Namespace: namespace, Name: deployment, SizeMark: sizeMark}
}

// overlayWorkload keeps the number of pods that the Rollout has given the Deployment. Where Git says nothing of it,
// nothing of it is applied.
func overlayWorkload(claim Claim, result, live map[string]any) {
	metadata, _ := live["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	if _, marked := annotations[claim.SizeMark]; !marked {
		return
	}
	spec, _ := live["spec"].(map[string]any)
	wanted, _ := result["spec"].(map[string]any)
	if _, said := wanted["replicas"]; said && spec["replicas"] != nil {
		wanted["replicas"] = spec["replicas"]
	}
}
