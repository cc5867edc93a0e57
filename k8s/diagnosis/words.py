# ruff: noqa: E501  a table of sentences
"""What is said of each cause, in English and in Brazilian Portuguese.

`docs/diagnoses.md` shows this table. Values in braces are filled in by the rules.
"""

from dataclasses import dataclass
from typing import Any

from k8s.diagnosis.case import Text


@dataclass(frozen=True, slots=True)
class Words:
    """`facts` says, for people who look after clusters, what it is told from."""

    facts: str
    cause: Text
    advice: Text
    fix: Text | None = None

    def said(self, values: dict[str, Any]) -> tuple[Text, Text]:
        """Cause and advice with their values."""
        return filled(self.cause, values), filled(self.advice, values)


def filled(text: Text, values: dict[str, Any]) -> Text:
    return Text(text.en.format(**values), text.pt.format(**values))


ROLL_BACK = Text("Roll back to revision {revision}", "Reverter para a revisão {revision}")

WORDS: dict[str, Words] = {
    "crash": Words(
        "terminated or lastState with an exit code, restarts, event BackOff",
        Text(
            "The server ends by itself right after it starts, with exit code {exit_code}{meaning_en}.",
            "O servidor termina sozinho logo depois de iniciar, com código de saída {exit_code}{meaning_pt}.",
        ),
        Text(
            "Read its last lines below: what is missing or wrong is usually in the last one. Correct the image "
            "or its environment variables and deploy again.",
            "Leia as últimas linhas abaixo: o que falta ou está errado costuma estar na última. Corrija a imagem "
            "ou as variáveis de ambiente e implante de novo.",
        ),
        ROLL_BACK,
    ),
    "preparation_failed": Words(
        "an init container terminated with an exit code",
        Text(
            "The preparation step {container} fails with exit code {exit_code}, so the server is never started.",
            "A etapa de preparação {container} falha com código de saída {exit_code}; o servidor nunca inicia.",
        ),
        Text("Read what it wrote below.", "Leia abaixo o que ela escreveu."),
        ROLL_BACK,
    ),
    "out_of_memory": Words(
        "terminated or lastState reason OOMKilled",
        Text(
            "The server needs more memory than its limit of {limit} and was stopped by the system.",
            "O servidor precisa de mais memória que o limite de {limit} e foi encerrado pelo sistema.",
        ),
        Text(
            "Raise the memory limit. If it grows without end, the program has a leak: look at memory over time.",
            "Aumente o limite de memória. Se o uso cresce sem parar, o programa tem um vazamento: veja a memória "
            "ao longo do tempo.",
        ),
        Text("Raise memory to {suggested}", "Aumentar a memória para {suggested}"),
    ),
    "image_not_found": Words(
        "ErrImagePull or ImagePullBackOff with 'not found' or 'manifest unknown'",
        Text(
            "The image {image} does not exist in its registry.",
            "A imagem {image} não existe no registro.",
        ),
        Text(
            "Check the name and the tag; perhaps it was never pushed.",
            "Confira o nome e a tag; talvez ela nunca tenha sido enviada.",
        ),
        Text("Use version {version}", "Usar a versão {version}"),
    ),
    "image_not_shipped": Words(
        "ErrImagePull or ImagePullBackOff of the local cluster, which has its own images only",
        Text(
            "The local cluster runs only the images it comes with, and {image} is not one of them.",
            "O cluster local só executa as imagens que traz consigo, e {image} não é uma delas.",
        ),
        Text(
            "Choose a version of the catalogue, for instance house 1.0. A real Kubernetes cluster pulls images "
            "from registries.",
            "Escolha uma versão do catálogo, por exemplo house 1.0. Um cluster Kubernetes de verdade baixa imagens "
            "de registros.",
        ),
        Text("Use version {version}", "Usar a versão {version}"),
    ),
    "image_name_invalid": Words(
        "InvalidImageName, event InspectFailed",
        Text("{image} is no valid image name.", "{image} não é um nome de imagem válido."),
        Text(
            "Names are written in lower case, for instance registry.example/team/model:1.0.",
            "Os nomes usam letras minúsculas, por exemplo registry.example/time/modelo:1.0.",
        ),
        ROLL_BACK,
    ),
    "image_not_allowed": Words(
        "ErrImageNeverPull",
        Text(
            "The image {image} is not on the node, and the cluster does not fetch it.",
            "A imagem {image} não está no nó, e o cluster não a busca.",
        ),
        Text(
            "Ask the cluster's admins to load the image, or use one from a registry.",
            "Peça aos administradores do cluster que carreguem a imagem, ou use uma de um registro.",
        ),
        ROLL_BACK,
    ),
    "registry_wants_credentials": Words(
        "ErrImagePull with 401, 403, 'unauthorized', 'denied' or 'authentication required'",
        Text(
            "The registry {registry} does not let the cluster pull the image {image} without a login.",
            "O registro {registry} não deixa o cluster baixar a imagem {image} sem autenticação.",
        ),
        Text(
            "A lead can add the team's login for {registry} on the team page; then choose it in the settings "
            "under Nodes and registry. A misspelt image name can look the same.",
            "Um líder pode adicionar o acesso da equipe a {registry} na página da equipe; depois escolha-o nas "
            "configurações, em Nós e registro. Um nome de imagem errado pode parecer o mesmo.",
        ),
    ),
    "registry_unreachable": Words(
        "ErrImagePull with a failed look-up, refused connection or time-out",
        Text(
            "The cluster cannot reach the registry {registry} that the image {image} comes from.",
            "O cluster não alcança o registro {registry} de onde vem a imagem {image}.",
        ),
        Text(
            "Check the name of the registry. If it is right, the network or the registry has trouble: the cluster "
            "keeps trying.",
            "Confira o nome do registro. Se está certo, a rede ou o registro tem problemas: o cluster continua "
            "tentando.",
        ),
        ROLL_BACK,
    ),
    "image_pull_failed": Words(
        "ErrImagePull or ImagePullBackOff of any other kind",
        Text("The image {image} cannot be pulled.", "Não é possível baixar a imagem {image}."),
        Text("The registry's own words are below.", "As palavras do próprio registro estão abaixo."),
        ROLL_BACK,
    ),
    "image_pull_slow": Words(
        "event Pulling without Pulled for more than a minute",
        Text(
            "The image {image} is still being pulled, for {minutes} min now.",
            "A imagem {image} ainda está sendo baixada, há {minutes} min.",
        ),
        Text(
            "Large images take long the first time on a node. Nothing to do but wait; smaller images start faster.",
            "Imagens grandes demoram na primeira vez em um nó. Basta esperar; imagens menores iniciam mais rápido.",
        ),
    ),
    "runs_as_root": Words(
        "CreateContainerConfigError: image will run as root, or has a non-numeric user",
        Text(
            "The image would run as {user}, and the namespace does not allow that.",
            "A imagem seria executada como {user}, e o namespace não permite.",
        ),
        Text(
            "Run it as another user id: 1000 works for most images. If it must be root, ask an admin to make the "
            "team's namespace `baseline`.",
            "Execute-a com outro id de usuário: 1000 serve para a maioria das imagens. Se precisa ser root, peça a "
            "um administrador que torne o namespace da equipe `baseline`.",
        ),
        Text("Run as user 1000", "Executar como usuário 1000"),
    ),
    "missing_object": Words(
        "CreateContainerConfigError or event FailedMount naming a ConfigMap, Secret or key",
        Text(
            "The {kind} {name} that the server needs is not there.",
            "O {kind} {name} de que o servidor precisa não existe.",
        ),
        Text(
            "It may have been deleted outside Timoneiro: save the settings once more and it is written again.",
            "Pode ter sido excluído fora do Timoneiro: salve as configurações mais uma vez e ele será escrito de novo.",
        ),
    ),
    "cannot_start": Words(
        "RunContainerError, StartError, CreateContainerError",
        Text(
            "The image's program cannot be started: {why}.",
            "Não é possível iniciar o programa da imagem: {why}.",
        ),
        Text(
            "The image was built wrongly: its command must exist in it and be executable.",
            "A imagem foi montada de forma errada: o comando deve existir nela e ser executável.",
        ),
        ROLL_BACK,
    ),
    "no_room": Words(
        "PodScheduled False, Unschedulable: Insufficient cpu, memory or a GPU resource",
        Text(
            "No node has room: each replica asks for {asked}, and {most_en}.",
            "Nenhum nó tem espaço: cada réplica pede {asked}, e {most_pt}.",
        ),
        Text(
            "Ask for less, run fewer replicas, or free room by pausing what is idle.",
            "Peça menos, use menos réplicas ou libere espaço pausando o que está ocioso.",
        ),
        Text("Lower to {fitting}", "Reduzir para {fitting}"),
    ),
    "no_matching_node": Words(
        "Unschedulable: untolerated taint, node selector or affinity",
        Text(
            "No node may take it: {why}.",
            "Nenhum nó pode recebê-lo: {why}.",
        ),
        Text(
            "Choose another node preset, or none, in the settings under Nodes and registry.",
            "Escolha outra predefinição de nós, ou nenhuma, nas configurações, em Nós e registro.",
        ),
        Text("Let it run on any node", "Deixar em qualquer nó"),
    ),
    "unschedulable": Words(
        "Unschedulable for any other reason",
        Text("No node takes it: {why}.", "Nenhum nó o recebe: {why}."),
        Text("The scheduler's own words are below.", "As palavras do escalonador estão abaixo."),
    ),
    "quota_exceeded": Words(
        "ReplicaFailure or FailedCreate with 'exceeded quota'",
        Text(
            "The team's quota is used up: {why}.",
            "A cota da equipe acabou: {why}.",
        ),
        Text(
            "Ask for less, scale something else down, or ask an admin for more quota.",
            "Peça menos, reduza outra implantação ou peça mais cota a um administrador.",
        ),
    ),
    "limit_range": Words(
        "FailedCreate with 'maximum' or 'minimum' usage of a LimitRange",
        Text(
            "The namespace allows no pod of this size: {why}.", "O namespace não permite este tamanho: {why}."
        ),
        Text("Choose a size within these bounds.", "Escolha um tamanho dentro desses limites."),
    ),
    "pod_security": Words(
        "FailedCreate with 'violates PodSecurity'",
        Text(
            "The namespace's security rules refuse its pods: {why}.",
            "As regras de segurança do namespace recusam os pods: {why}.",
        ),
        Text(
            "Set a user id other than 0 under Security, or ask an admin about the rules.",
            "Defina um id de usuário diferente de 0 em Segurança, ou fale com um administrador.",
        ),
        Text("Run as user 1000", "Executar como usuário 1000"),
    ),
    "namespace_terminating": Words(
        "FailedCreate or a refusal with NamespaceTerminating",
        Text(
            "The team's namespace is being deleted.",
            "O namespace da equipe está sendo excluído.",
        ),
        Text(
            "Ask an admin; nothing new can run there.", "Fale com um administrador; nada novo pode rodar ali."
        ),
    ),
    "forbidden": Words(
        "a refusal 403 of another kind",
        Text("The cluster forbids it: {why}.", "O cluster proíbe: {why}."),
        Text(
            "Timoneiro's account lacks a permission there. Show this to an admin.",
            "Falta uma permissão à conta do Timoneiro. Mostre isto a um administrador.",
        ),
    ),
    "refused": Words(
        "a refusal 422 or 400 of an object",
        Text("The cluster refused the wish: {why}.", "O cluster recusou o pedido: {why}."),
        Text("Change the field it names and save again.", "Altere o campo citado e salve de novo."),
        ROLL_BACK,
    ),
    "wrong_port": Words(
        "a probe with 'connection refused' while a log line names another port",
        Text(
            "The server listens on port {actual}, but port {port} is asked.",
            "O servidor escuta na porta {actual}, mas a porta consultada é {port}.",
        ),
        Text("Set the container port to {actual}.", "Defina a porta do contêiner como {actual}."),
        Text("Set the port to {actual}", "Usar a porta {actual}"),
    ),
    "nothing_listens": Words(
        "a probe with 'connection refused', no port known",
        Text(
            "Nothing answers on port {port}: the server listens elsewhere, or only on localhost, or not yet.",
            "Nada responde na porta {port}: o servidor escuta em outra porta, só em localhost, ou ainda não.",
        ),
        Text(
            "Let the server listen on 0.0.0.0:{port}, or set the port it uses. A slow start needs more time: raise "
            "the seconds it may take to start.",
            "Faça o servidor escutar em 0.0.0.0:{port}, ou defina a porta que ele usa. Se inicia devagar, aumente "
            "os segundos permitidos para iniciar.",
        ),
        ROLL_BACK,
    ),
    "health_path_missing": Words(
        "a probe with status code 404",
        Text(
            "The server answers, but it knows no {path}: that health path is answered with 404.",
            "O servidor responde, mas não conhece {path}: o caminho de saúde devolve 404.",
        ),
        Text(
            "Set the health path to one the server has, for instance / or /healthz.",
            "Use um caminho de saúde que o servidor tenha, por exemplo / ou /healthz.",
        ),
        ROLL_BACK,
    ),
    "unhealthy": Words(
        "event Unhealthy of a startup, readiness or liveness probe",
        Text(
            "The server runs but is not well: its {check} check was answered with {answer}.",
            "O servidor roda, mas não está bem: a verificação {check} recebeu {answer}.",
        ),
        Text(
            "Read its log: a model that cannot be loaded, or a service it needs, is the usual cause.",
            "Leia o log: em geral um modelo que não carrega, ou um serviço de que ele depende.",
        ),
        ROLL_BACK,
    ),
    "evicted": Words(
        "phase Failed, reason Evicted",
        Text("The node put the pod out: {why}.", "O nó despejou o pod: {why}."),
        Text(
            "Another pod takes its place. If it happens again, ask for more memory, or write less to disk.",
            "Outro pod toma o lugar. Se acontecer de novo, peça mais memória ou escreva menos em disco.",
        ),
    ),
    "node_lost": Words(
        "pod condition Ready not True on a node whose Ready is not True",
        Text(
            "The node {node} has stopped answering, so its pods do not count.",
            "O nó {node} parou de responder; seus pods não contam.",
        ),
        Text(
            "Kubernetes starts the pods elsewhere after some minutes. Tell whoever looks after the cluster.",
            "O Kubernetes reinicia os pods em outro nó após alguns minutos. Avise quem cuida do cluster.",
        ),
    ),
    "no_answer": Words(
        "all pods ready, and their Service has not answered the health path for 30 s",
        Text(
            "The pods are ready, but nothing answers at the deployment's own address, port {path}.",
            "Os pods estão prontos, mas nada responde no endereço da implantação, porta {path}.",
        ),
        Text(
            "Check that the Service's port leads to the port the server listens on. If the cluster's network keeps "
            "its API server away from pods, an admin can switch this check off with ENDPOINT_CHECK=false.",
            "Verifique se a porta do Service leva à porta em que o servidor escuta. Se a rede do cluster separa a API "
            "dos pods, um administrador pode desligar esta verificação com ENDPOINT_CHECK=false.",
        ),
        ROLL_BACK,
    ),
    "deadline_exceeded": Words(
        "condition Progressing False, ProgressDeadlineExceeded",
        Text(
            "The rollout has made no progress for {seconds} s.",
            "A atualização não avança há {seconds} s.",
        ),
        Text(
            "Look at the newest pods' logs, or go back to the revision that served.",
            "Veja os logs dos pods mais novos, ou volte à revisão que funcionava.",
        ),
        ROLL_BACK,
    ),
    "no_metrics": Words(
        "HPA condition ScalingActive False",
        Text(
            "The autoscaler has no figures to decide by, so the count stays as it is.",
            "O autoescalador não tem números para decidir; a contagem fica como está.",
        ),
        Text(
            "The first figures take about a minute. If none come, the cluster has no metrics-server.",
            "Os primeiros números levam cerca de um minuto. Se não vierem, o cluster não tem metrics-server.",
        ),
    ),
}
